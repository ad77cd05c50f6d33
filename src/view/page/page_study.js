// SPDX-License-Identifier: Apache-2.0
// page_study.js - a document (docs/json.md) made ready to be drawn.
//
// A segment is named by its place in the columns. Parents come before their children.

class Study {
  constructor(document) {
    Object.assign(this, document);
    const s = this.segments;
    this.count = s.count;
    this.done = s.outcome.map((code) => this.codes.outcome[code] === "done");
    this.maximize = this.summary.goal === "maximize";
    this.lineage = this.winner ? this.winner.lineage : [];
    this.onLineage = new Uint8Array(this.count);
    for (const i of this.lineage) this.onLineage[i] = 1;
    this.children = Array.from({ length: this.count }, () => null);
    for (let i = 0; i < this.count; i++) {
      const parent = s.parent[i];
      if (parent >= 0) (this.children[parent] ??= []).push(i);
    }
    this.founder = new Int32Array(this.count);
    for (let i = 0; i < this.count; i++) {
      this.founder[i] = s.parent[i] >= 0 ? this.founder[s.parent[i]] : i;
    }
    this.told = new Map(this.decisions.map((decision) => [decision.seq, decision.text]));
  }

  better(a, b) { return this.maximize ? a > b : a < b; }

  // The value of a hyperparameter as a number, and as people read it.
  value(hp, i) { return this.values[hp][this.segments.row[i]]; }
  shown(hp, value) {
    const values = this.space[hp].values;
    return values ? String(values[Math.round(value)]) : digits(value);
  }

  isExploit(i) {
    const parent = this.segments.parent[i];
    return parent >= 0 && this.segments.member[parent] !== this.segments.member[i];
  }

  gain(i) {
    const parent = this.segments.parent[i];
    if (parent < 0) return null;
    const before = this.segments.score[parent], after = this.segments.score[i];
    if (before === null || after === null) return null;
    return this.maximize ? after - before : before - after;
  }

  ancestors(i) {
    const found = [];
    for (let at = i; at >= 0; at = this.segments.parent[at]) found.push(at);
    return found.reverse();
  }

  why(i) {
    const s = this.segments;
    const told = this.told.get(s.decision_seq[i]);
    if (told) return told;
    const decision = this.codes.decision[s.decision[i]];
    if (decision === "undecided") return "not judged yet";
    const reason = this.codes.why[s.why[i]].replaceAll("_", " ");
    return `${decision.replaceAll("_", " ")}: ${reason}`
      + (s.opponent[i] >= 0 ? ` (opponent: member ${s.opponent[i]})` : "");
  }

  describe(i) {
    const s = this.segments;
    const from = s.parent[i];
    return [
      `Member ${s.member[i]}, segment ${s.segment[i]}`
        + (s.attempt[i] > 1 ? `, attempt ${s.attempt[i]}` : ""),
      `age ${digits(s.from[i])} to ${digits(s.to[i])}`,
      `${this.summary.score_name} ${digits(s.score[i])}`,
      ...this.space.map((hp, k) => `${hp.name} ${this.shown(k, this.value(k, i))}`),
      from < 0 ? "started afresh"
        : this.isExploit(i) ? `weights of member ${s.member[from]}, segment ${s.segment[from]}` : null,
      this.done[i] ? `then: ${this.why(i)}`
        : `ended: ${this.codes.outcome[s.outcome[i]].replaceAll("_", " ")}`,
    ].filter(Boolean).join("\n");
  }

  // Best score so far by age, as [age, score] steps.
  bestByAge() {
    const s = this.segments;
    const order = [...Array(this.count).keys()].filter((i) => this.done[i] && s.score[i] !== null
      && this.members.group[s.member[i]] === "population");
    order.sort((a, b) => s.to[a] - s.to[b]);
    const steps = [];
    let best = null;
    for (const i of order) {
      if (best === null || this.better(s.score[i], best)) {
        best = s.score[i];
        steps.push([s.to[i], best]);
      }
    }
    return steps;
  }
}

// SPDX-License-Identifier: Apache-2.0
// page_text.js - headline, schedule, decisions, failures; and putting the report together.

const ROWS_SHOWN = 500; // of a table; search finds the others

function showHeadline(study) {
  const box = section("headline", "Headline");
  const m = study.summary, s = study.segments;
  const list = make("dl", { className: "numbers" });
  const say = (name, value, note, first) => list.append(make("div", first ? { className: "first" } : {},
    make("dt", { textContent: name }),
    make("dd", {}, value, note ? make("small", { textContent: note }) : null)));
  say(`best ${m.score_name}`, m.best ? digits(m.best.score, 6) : "–", m.best
    ? `member ${m.best.member} at age ${digits(m.best.age)}` : "nobody has a score yet", true);
  say("gain over controls", signed(m.gain_over_controls),
    m.controls ? `${m.controls} controls` : "no controls in this study");
  say("gain over the first generation", signed(m.gain_over_first_generation),
    `its best: ${digits(m.first_generation_best)}`);
  say("steps", digits(m.steps_done), `of ${digits(m.steps_total)}`);
  let busy = 0;
  for (let i = 0; i < study.count; i++) if (s.ended[i] >= 0) busy += s.ended[i] - s.began[i];
  say("time", duration(m.worked_ms), m.left_ms === null ? m.status : `${duration(m.left_ms)} left`);
  say("cost", busy < 360000 ? duration(busy) : `${digits(busy / 3600000, 3)} h`,
    busy < 360000 ? "of one slot" : "slot-hours");
  say("exploits", digits(m.counts.exploits), `of ${digits(m.counts.segments)} segments`);
  say("failures", digits(m.counts.failures), Object.entries(m.counts.failures_by_cause)
    .map(([cause, count]) => `${cause.replaceAll("_", " ")} ${count}`).join(", ") || "none");
  say("disk", bytes(m.checkpoints.bytes), `${digits(m.checkpoints.count)} checkpoints`);
  box.append(list);
  for (const { name, bound, value } of study.winner?.on_bounds ?? []) {
    box.append(make("p", { className: "warning", textContent: `The winner's ${name} sits on the `
      + `${bound === "low" ? "lower" : "upper"} bound of its space (${digits(value)}): better values `
      + "may lie beyond." }));
  }
  if (s.every > 1) {
    box.append(make("p", { className: "warning", textContent: `This study has ${digits(s.total)} `
      + `segments; shown are those of every ${s.every}th member, and the winner's.` }));
  }
}

// -------- schedule --------

function csvField(value) {
  const text = String(value);
  return /[,"\s]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text;
}
function scheduleCsv(study) {
  const names = study.space.map((hp) => hp.name);
  return [["from", "to", ...names], ...study.winner.schedule.map((row) =>
    [row.from, row.to, ...names.map((name) => row.hyperparameters[name])])]
    .map((row) => row.map(csvField).join(",")).join("\n") + "\n";
}
function schedulePython(study) {
  const literal = (value) => value === true ? "True" : value === false ? "False" : JSON.stringify(value);
  return "# Hyperparameters by age: (from this age on, values).\nschedule = [\n"
    + study.winner.schedule.map((row) => `    (${row.from}, {${Object.entries(row.hyperparameters)
      .map(([name, value]) => `${JSON.stringify(name)}: ${literal(value)}`).join(", ")}}),\n`).join("")
    + "]\n\n\ndef hyperparameters(age):\n"
    + "    return [values for since, values in schedule if since <= age][-1]\n";
}

function table(names, rows) {
  return make("div", { className: "scroll", tabIndex: 0 }, make("table", {},
    make("thead", {}, make("tr", {}, ...names.map((name) =>
      make("th", { textContent: name, scope: "col" })))),
    make("tbody", {}, ...rows)));
}

function showSchedule(study) {
  if (!study.winner || study.space.length === 0) return;
  const box = section("schedule", "Schedule", "The hyperparameters along the winner's lineage, by age.");
  const rows = study.winner.schedule.map((row) => make("tr", {},
    ...[row.from, row.to, row.member, ...study.space.map((hp) => row.hyperparameters[hp.name])]
      .map((value) => make("td", { textContent: digits(value) }))));
  const text = make("pre", { hidden: true, tabIndex: 0 });
  const formats = { JSON: () => JSON.stringify(study.winner.schedule, null, 2) + "\n",
    CSV: () => scheduleCsv(study), Python: () => schedulePython(study) };
  const said = make("span", { className: "hint" });
  said.setAttribute("role", "status");
  const copy = make("button", { type: "button", textContent: "Copy", onclick: async () => {
    if (text.hidden) box.querySelector("button").click();
    getSelection().selectAllChildren(text);
    const copied = await navigator.clipboard?.writeText(text.textContent).then(() => true, () => false);
    said.textContent = copied || document.execCommand("copy") ? "copied" : "selected: copy it by hand";
  } });
  box.append(table(["from age", "to age", "member", ...study.space.map((hp) => hp.name)], rows),
    make("div", { className: "tools" }, ...Object.entries(formats).map(([name, write]) =>
      make("button", { type: "button", textContent: name, onclick: () => {
        text.dataset.format = name;
        text.textContent = write();
        text.hidden = false;
        said.textContent = "";
      } })), copy, said), text);
}

// -------- decisions --------

function showDecisions(study) {
  const box = section("decisions", "Decisions", "Why each member was copied, changed, promoted or given up. "
    + "Members that merely train on are left out.");
  const search = make("input", { type: "search", id: "search", placeholder: "member 3, lr, replaced …" });
  const count = make("span", { className: "hint" });
  count.setAttribute("role", "status");
  const rows = table(["event", "member", "segment", "decision"], []);
  const body = rows.querySelector("tbody");
  const fill = () => {
    // "member 3" is one thing to look for, and is not member 30.
    const wanted = (search.value.match(/member\s+\d+|\S+/gi) ?? []).map((text) =>
      new RegExp(text.replace(/[^\w\s]/g, "\\$&").replace(/\s+/, " ")
        + (/\d$/.test(text) ? "(?!\\d)" : ""), "i"));
    const found = study.decisions.filter((decision) =>
      wanted.every((pattern) => pattern.test(decision.text)));
    body.replaceChildren(...found.slice(0, ROWS_SHOWN).map((decision) => make("tr",
      { id: `d${decision.seq}` }, ...[decision.seq, decision.member, decision.segment].map((value) =>
        make("td", { textContent: value })),
      make("td", { className: "text", textContent: decision.text }))));
    count.textContent = `${digits(found.length)} found`
      + (found.length > ROWS_SHOWN ? `, the first ${ROWS_SHOWN} shown` : "")
      + (study.decisions_total > study.decisions.length
        ? `; the latest ${digits(study.decisions.length)} of ${digits(study.decisions_total)} are here` : "");
  };
  search.addEventListener("input", fill);
  box.append(make("div", { className: "tools" },
    make("label", { htmlFor: "search", textContent: "Search" }), search, count), rows);
  fill();
  return (seq) => { // mark the decision of a segment, when it is here
    search.value = "";
    fill();
    body.querySelector(".marked")?.classList.remove("marked");
    const row = document.getElementById(`d${seq}`);
    row?.classList.add("marked");
    return row;
  };
}

// -------- failures, spec --------

function showFailures(study) {
  if (study.failures_total === 0) return;
  const box = section("failures", "Failures", study.failures_total > study.failures.length
    ? `The latest ${study.failures.length} of ${digits(study.failures_total)}.` : "");
  for (const failure of study.failures.toReversed()) {
    const name = `member ${failure.member}, segment ${failure.segment}, attempt ${failure.attempt}: `
      + failure.outcome.replaceAll("_", " ");
    box.append(make("details", {}, make("summary", { textContent: name }),
      make("p", { textContent: failure.text || "no message" }),
      failure.log ? make("pre", { textContent: failure.log.join("\n"), tabIndex: 0 }) : null));
  }
}

function showSpec(study) {
  section("spec", "Spec", "As it was resolved when the study began or was last amended.")
    .append(make("pre", { textContent: study.spec, tabIndex: 0 }));
}

// -------- all of it --------

function showTitle(study) {
  const m = study.summary;
  document.title = `${m.study} – pbt report`;
  document.getElementById("title").textContent = m.study;
  document.getElementById("subtitle").textContent = `${digits(m.members)} members, ${m.status}, `
    + `${m.began.slice(0, 16).replace("T", " ")} UTC`;
}

// What there is to draw of the documents, and what a live page needs to draw it anew.
function prepareReport(documents) {
  const studies = documents.map((text) => new Study(text));
  const study = studies[0], chosen = { places: null };
  let mark = null;
  const choose = (i) => {
    chosen.places = study.ancestors(i);
    const s = study.segments;
    const way = chosen.places.filter((place) => study.isExploit(place));
    const followed = document.getElementById("followed");
    const told = study.told.has(s.decision_seq[i]);
    followed.replaceChildren(`Followed: member ${s.member[i]}, segment ${s.segment[i]}: `
      + `${chosen.places.length} segments, through ${way.length} exploits, from founder `
      + `${s.member[chosen.places[0]]}. Judged: ${study.why(i)}. `,
      told ? make("a", { href: `#d${s.decision_seq[i]}`, textContent: "See the decision",
        onclick: () => mark(s.decision_seq[i]) }) : "");
    repaint();
  };
  const sections = [
    () => { showTitle(study); showHeadline(study); },
    () => showComparison(studies),
    () => showScores(study, choose),
    () => showSchedule(study),
    () => showHyperparameters(study, choose),
    () => showTree(study, choose, chosen),
    () => { mark = showDecisions(study); },
    () => showGains(study, choose),
    () => showPairs(study, choose),
    () => showSlots(study),
    () => showFailures(study),
    () => showSpec(study),
  ];
  return { study, chosen, choose, sections };
}

// Draw the documents into an empty page at once.
function showReport(documents) {
  const shown = prepareReport(documents);
  for (const draw of shown.sections) draw();
  return shown;
}

// The same as the page opens: what has taken PATIENCE_MS to draw is shown before more is begun, since
// all of a large study takes seconds. A small one is all there when the page has loaded.
const PATIENCE_MS = 200;

async function openReport(documents) {
  const shown = prepareReport(documents);
  let since = performance.now();
  const seen = () => new Promise((done) => {
    if (document.hidden) setTimeout(done);
    else requestAnimationFrame(() => setTimeout(done));
  });
  for (const draw of shown.sections) {
    draw();
    await null; // uPlot draws in a microtask
    if (performance.now() - since < PATIENCE_MS) continue;
    await seen();
    since = performance.now();
  }
  if (location.hash && scrollY === 0) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  performance.mark("drawn");
  document.documentElement.dataset.drawn = "";
  return shown;
}

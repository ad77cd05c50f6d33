// SPDX-License-Identifier: Apache-2.0
// page_tree.js - who descends from whom: the family tree, and how many founders are left.

const LINKS_SHOWN = 3000; // exploits drawn in the tree at a time; more would hide it

// What the tree can be drawn over: where a segment begins and ends.
function treeAxes(study) {
  const s = study.segments, last = Math.max(...extent(s.began), ...extent(s.ended));
  return {
    segment: { name: "segments", label: "segments of the member", begin: (i) => s.segment[i] - 1,
      end: (i) => s.segment[i] },
    age: { name: "age", label: "age (steps)", begin: (i) => s.from[i], end: (i) => s.to[i] },
    clock: { name: "clock", label: "time (seconds)", begin: (i) => s.began[i],
      end: (i) => s.ended[i] < 0 ? last : s.ended[i],
      values: (u, ticks) => ticks.map((tick) => digits(tick / 1000)) },
  };
}

function paintTree(plot, c, { study, places, exploits, axis, part, way }) {
  const s = study.segments, members = study.members.group.length;
  const height = Math.max(1, Math.min(12, plot.u.bbox.height / members / devicePixelRatio * 0.62));
  const buckets = Array.from({ length: BUCKETS + 1 }, () => []);
  for (const i of places) {
    const value = part(i);
    buckets[value >= 0 ? Math.min(BUCKETS - 1, Math.floor(value * BUCKETS)) : BUCKETS].push(i);
  }
  buckets.forEach((bucket, b) => lines(c, height,
    b === BUCKETS ? ramp(NaN) : ramp((b + 0.5) / BUCKETS), () => {
      for (const i of bucket) {
        const y = plot.py(s.member[i]), x = plot.px(axis.begin(i));
        c.moveTo(x, y);
        c.lineTo(Math.max(x + 1, plot.px(axis.end(i)) - 1), y);
      }
    }));
  const link = (list) => {
    for (const i of list) {
      if (s.parent[i] < 0) continue;
      c.moveTo(plot.px(axis.end(s.parent[i])), plot.py(s.member[s.parent[i]]));
      c.lineTo(plot.px(axis.begin(i)), plot.py(s.member[i]));
    }
  };
  const { min, max } = plot.u.scales.x;
  const inside = exploits.filter((i) => axis.begin(i) >= min && axis.begin(i) <= max);
  if (inside.length <= LINKS_SHOWN) {
    c.globalAlpha = 0.6;
    lines(c, 1, style("--soft"), () => link(inside));
    c.globalAlpha = 1;
  }
  const follow = () => {
    link(way);
    for (const i of way) {
      c.moveTo(plot.px(axis.begin(i)), plot.py(s.member[i]));
      c.lineTo(plot.px(axis.end(i)), plot.py(s.member[i]));
    }
  };
  lines(c, 6, style("--card"), follow); // an edge: it has to be seen on every colour
  lines(c, 3, style("--strong"), follow);
  return places.length;
}

function chooser(id, names) {
  return make("select", { id }, ...names.map(([value, name]) =>
    make("option", { value, textContent: name })));
}

function showTree(study, choose, chosen) {
  const places = pick(study, () => true);
  const exploits = places.filter((i) => study.isExploit(i));
  const box = section("lineage", "Lineage", "The family tree of the population. Each row is a "
    + "member, each bar one of its segments; a line leads from a donor to the member that copied it. "
    + "Click a segment to follow its ancestors."
    + (exploits.length > LINKS_SHOWN ? " There are many exploits: zoom in to see them." : ""));
  const s = study.segments, axes = treeAxes(study), members = study.members.group.length;
  const over = chooser("over", Object.entries(axes).map(([key, axis]) => [key, axis.name]));
  const colour = chooser("colour", [[-1, "score"], ...study.space.map((hp, k) => [k, hp.name])]);
  const stage = make("div");
  box.append(make("div", { className: "tools" },
    make("label", { htmlFor: "over", textContent: "Over" }), over,
    make("label", { htmlFor: "colour", textContent: "Coloured by" }), colour));
  rampLegend(box);
  box.append(stage);
  let part = colouring(study, places, -1), plot = null;
  const draw = () => {
    const axis = axes[over.value];
    if (plot) removePlot(plot);
    stage.replaceChildren();
    plot = addPlot(stage, {
      label: "Family tree of the population",
      height: Math.max(260, Math.min(640, 60 + members * 18)),
      x: { label: axis.label, values: axis.values,
        range: [0, Math.max(...extent(places.map(axis.end)))] },
      y: { label: "member", range: [-0.5, members - 0.5],
        splits: (u, side, low, high, step) => {
          const every = Math.max(1, Math.ceil(step));
          return [...Array(Math.ceil(members / every)).keys()].map((i) => i * every);
        } },
      points: { x: places.map((i) => (axis.begin(i) + axis.end(i)) / 2),
        y: places.map((i) => s.member[i]), id: places },
      describe: (i) => study.describe(i), choose,
      paint: (plot, c) => paintTree(plot, c,
        { study, places, exploits, axis, part, way: chosen.places ?? study.lineage }),
    });
  };
  over.addEventListener("change", draw);
  colour.addEventListener("change", () => {
    part = colouring(study, places, Number(colour.value));
    plot.u.redraw(false, false);
  });
  draw();
  const followed = make("p", { className: "hint", id: "followed" });
  followed.setAttribute("aria-live", "polite");
  box.append(followed);
  showFounders(study, box);
}

// -------- founders --------

// How many founders' weights are alive after each claim: [claims so far, count, exploits so far].
// Members that were not claimed yet are founders to be.
function founders(study) {
  const s = study.segments, now = new Map(), alive = new Map(), course = [];
  const members = study.members.group.filter((group) => group === "population").length;
  let exploits = 0;
  for (let i = 0; i < study.count; i++) {
    if (study.members.group[s.member[i]] !== "population") continue;
    const before = now.get(s.member[i]);
    if (study.isExploit(i)) exploits++;
    if (before !== undefined) {
      if (alive.get(before) === 1) alive.delete(before); else alive.set(before, alive.get(before) - 1);
    }
    now.set(s.member[i], study.founder[i]);
    alive.set(study.founder[i], (alive.get(study.founder[i]) ?? 0) + 1);
    course.push([course.length + 1, alive.size + members - now.size, exploits]);
  }
  return course;
}

// Founders left after each of `events` copies between members drawn at random: mean of 20 runs.
function neutral(members, events) {
  const mean = new Float64Array(events + 1);
  let bits = 12345;
  const draw = (below) => {
    bits = (Math.imul(bits, 1664525) + 1013904223) >>> 0;
    return Math.floor(bits / 4294967296 * below);
  };
  for (let run = 0; run < 20; run++) {
    const of = [...Array(members).keys()], size = new Uint32Array(members).fill(1);
    let left = members;
    for (let event = 0; event <= events; event++) {
      mean[event] += left / 20;
      const to = draw(members), from = draw(members);
      if (--size[of[to]] === 0) left--;
      of[to] = of[from];
      if (size[of[to]]++ === 0) left++;
    }
  }
  return mean;
}

function showFounders(study, box) {
  const course = founders(study);
  const members = study.members.group.filter((group) => group === "population").length;
  if (course.length === 0 || study.segments.every > 1) return;
  const noise = neutral(members, course.at(-1)[2]);
  box.append(make("h3", { textContent: "Founders whose weights survive" }));
  legend(box, [["var(--strong)", "this study"], ["var(--other)",
    "as many copies between members drawn at random"]]);
  const alone = course.find((entry) => entry[1] === 1 && entry[2] > 0);
  const end = course.at(-1)[0];
  if (alone && members > 2 && alone[0] < end / 2) {
    box.append(make("p", { className: "warning", textContent: "One founder had taken over the whole "
      + `population after ${digits(alone[0] / end * 100, 2)} % of its segments. A larger population, a `
      + "longer `ready` or a smaller quantile keeps more variety." }));
  }
  const step = (plot, c, of) => {
    course.forEach((entry, i) => {
      const x = plot.px(entry[0]), y = plot.py(of(entry));
      if (i === 0) c.moveTo(x, y); else c.lineTo(x, y);
    });
    return course.length;
  };
  addPlot(box, {
    label: "Surviving founders over time, beside pure noise", height: 220,
    x: { label: "segments of all members", range: [0, end] },
    y: { label: "founders", range: [0, members] },
    points: { x: course.map((e) => e[0]), y: course.map((e) => e[1]), id: course },
    describe: (e) => `${e[1]} founders after ${e[2]} copies\nat random: ${digits(noise[e[2]], 3)}`,
    paint: (plot, c) => lines(c, 2, style("--other"), () => step(plot, c, (e) => noise[e[2]]))
      + lines(c, 2.5, style("--strong"), () => step(plot, c, (e) => e[1])),
  });
}

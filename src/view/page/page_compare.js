// SPDX-License-Identifier: Apache-2.0
// page_compare.js - several studies beside each other: best score so far by age, and a table.
//
// Studies of the same name and strategy are runs of one: their mean is drawn, with the interval that holds the
// mean of further runs with 95 % confidence (Student's t), where there are two or more.

// Apart from each other and from both backgrounds, also without red-green vision.
const OTHERS = ["#4a86c5", "#2f9e8f", "#b07cc6", "#c79a1e", "#7d8b94", "#c06a8f", "#5f9e3a", "#8a7350"];

// Student's t, 97.5 %, for 1 .. 30 degrees of freedom; 1.96 from there on is less than 4 % off.
const T_975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179,
  2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
  2.052, 2.048, 2.045, 2.042];

// Mean and half of the interval (null: one value tells none).
function meanOf(values) {
  const n = values.length, mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, half: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, half: (T_975[n - 2] ?? 1.96) * Math.sqrt(squares / (n - 1) / n) };
}

// What the spec, as it was resolved, says of the strategy: its lines are indented.
function strategyOf(study) {
  return /^strategy:\n((?: .*\n)*)/m.exec(study.spec)?.[1] ?? "";
}

// By name and strategy, in the order in which they were given. Groups of the same name are told
// apart by that of the strategy, and by a number where that is the same, too.
function groupsOf(studies) {
  const groups = new Map();
  for (const study of studies) {
    const name = study.summary.study, strategy = strategyOf(study), key = `${name}\n${strategy}`;
    const title = /^ +name: (\S+)/m.exec(strategy)?.[1] ?? "";
    if (!groups.has(key)) groups.set(key, { name, title, studies: [] });
    groups.get(key).studies.push(study);
  }
  const all = [...groups.values()], alike = (group) => all.filter((g) => g.name === group.name);
  const names = all.map((group) => {
    if (alike(group).length === 1) return group.name;
    const same = alike(group).filter((g) => g.title === group.title);
    const number = same.length > 1 ? ` ${same.indexOf(group) + 1}` : "";
    return `${group.name}: ${group.title}${number}`;
  });
  return all.map((group, k) => ({ ...group, name: names[k] }));
}

// The group's course: {age, mean, half} at every age where one of its runs got better, from where
// all of them have a score.
function courseOf(group) {
  const courses = group.studies.map((study) => study.bestByAge()).filter((c) => c.length > 0);
  if (courses.length === 0) return [];
  const begin = Math.max(...courses.map((course) => course[0][0]));
  const ages = [...new Set(courses.flatMap((course) => course.map(([age]) => age)))]
    .filter((age) => age >= begin).sort((a, b) => a - b);
  const at = courses.map(() => 0);
  return ages.map((age) => {
    const values = courses.map((course, k) => {
      while (at[k] + 1 < course.length && course[at[k] + 1][0] <= age) at[k]++;
      return course[at[k]][1];
    });
    return { age, ...meanOf(values) };
  });
}

function stairs(plot, context, course, end, value) {
  course.forEach((point, i) => {
    const x = plot.px(point.age), y = plot.py(value(point));
    if (i > 0) context.lineTo(x, plot.py(value(course[i - 1])));
    context.lineTo(x, y);
  });
  context.lineTo(plot.px(end), plot.py(value(course.at(-1))));
}

function band(plot, context, course, end, colour) {
  if (course.length === 0 || course[0].half === null) return;
  const back = [...course].reverse();
  context.beginPath();
  stairs(plot, context, course, end, (point) => point.mean + point.half);
  context.lineTo(plot.px(end), plot.py(back[0].mean - back[0].half));
  back.forEach((point, i) => {
    const y = plot.py(point.mean - point.half);
    if (i > 0) context.lineTo(plot.px(back[i - 1].age), y);
    context.lineTo(plot.px(point.age), y);
  });
  context.globalAlpha = 0.18;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
}

function compareTable(groups, colour) {
  const rows = [];
  groups.forEach((group, k) => {
    const scores = group.studies.map((study) => study.summary.best?.score)
      .filter((score) => typeof score === "number");
    const { mean, half } = scores.length ? meanOf(scores) : { mean: null, half: null };
    const dot = make("i", { className: "dot" });
    dot.style.background = colour(k);
    rows.push([make("span", { className: "group" }, dot, group.name), `${group.studies.length}`,
      half === null ? digits(mean) : `${digits(mean)} ± ${digits(half, 2)}`, "", "", "", "", ""]);
    for (const { summary: m } of group.studies) {
      rows.push([make("span", { className: "run", textContent: m.dir }), "", digits(m.best?.score),
        digits(m.best?.age), signed(m.gain_over_first_generation), digits(m.counts.exploits),
        digits(m.steps_done), duration(m.worked_ms)]);
    }
  });
  return table(["study", "runs", "best", "at age", "gain over first generation", "exploits", "steps",
    "time"], rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell)))));
}

function showComparison(studies) {
  if (studies.length < 2) return;
  const groups = groupsOf(studies);
  const box = section("comparison", "Comparison", "The best score so far of each study, by age."
    + (groups.some((group) => group.studies.length > 1) ? " Studies of the same name and strategy are runs of one: "
      + "the line is their mean, the band its 95 % interval." : ""));
  const colour = (k) => k === 0 ? style("--strong") : OTHERS[(k - 1) % OTHERS.length];
  const courses = groups.map(courseOf);
  const ends = groups.map((group) => Math.max(...group.studies.map((study) =>
    extent(study.segments.to)[1])));
  legend(box, groups.map((group, k) => [k === 0 ? "var(--strong)" : colour(k), group.name]));
  const points = courses.flatMap((course, k) => course.map((point) => ({ ...point, k })));
  addPlot(box, {
    label: "Best score so far by age of each study", height: 320,
    x: { label: "age (steps)", range: [0, Math.max(...ends)] },
    y: { label: studies[0].summary.score_name,
      range: extent(points.flatMap((p) => [p.mean - (p.half ?? 0), p.mean + (p.half ?? 0)])) },
    points: { x: points.map((p) => p.age), y: points.map((p) => p.mean), id: points },
    describe: (p) => `${groups[p.k].name}\nage ${digits(p.age)}\nbest so far ${digits(p.mean)}`
      + (p.half === null ? "" : ` ± ${digits(p.half, 2)}`),
    paint: (plot, c) => {
      courses.forEach((course, k) => band(plot, c, course, ends[k], colour(k)));
      courses.forEach((course, k) => {
        if (course.length === 0) return;
        lines(c, k === 0 ? 3 : 2, colour(k), () =>
          stairs(plot, c, course, ends[k], (point) => point.mean));
      });
      return points.length;
    },
  });
  box.append(compareTable(groups, colour));
}

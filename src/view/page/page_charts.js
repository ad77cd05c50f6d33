// SPDX-License-Identifier: Apache-2.0
// page_charts.js - what each chart draws.

const BUCKETS = 24; // colours of a ramp that are told apart; one path each

function lines(context, width, colour, draw) {
  context.beginPath();
  const marks = draw();
  context.lineWidth = width * devicePixelRatio;
  context.strokeStyle = colour;
  context.stroke();
  return marks;
}

// The same in layers of a few hundred marks: where many lie over each other it gets darker.
function layers(context, places, draw) {
  const room = Math.max(200, Math.ceil(places.length / 300));
  context.globalAlpha = Math.max(0.08, 0.55 / Math.sqrt(1 + places.length / 4000));
  let marks = 0;
  for (let at = 0; at < places.length; at += room) {
    const layer = places.slice(at, at + room);
    marks += lines(context, 1, style("--soft"), () => draw(layer));
  }
  context.globalAlpha = 1;
  return marks;
}

function pick(study, keep) {
  const found = [];
  for (let i = 0; i < study.count; i++) if (keep(i)) found.push(i);
  return found;
}

function legend(parent, items) {
  const box = make("div", { className: "legend" });
  for (const [colour, text] of items) {
    const mark = make("i");
    mark.style.background = colour;
    box.append(make("span", {}, mark, text));
  }
  parent.append(box);
}

function section(id, title, hint) {
  const box = make("section", { id }, make("h2", { textContent: title }));
  if (hint) box.append(make("p", { className: "hint", textContent: hint }));
  document.getElementById("main").append(box);
  document.getElementById("nav").append(make("a", { href: `#${id}`, textContent: title }));
  return box;
}

// -------- colours --------

// The part of the ramp that a segment's colour is at, by score (k < 0) or a hyperparameter.
function colouring(study, places, k) {
  const log = k >= 0 && study.space[k].scale === "log";
  const of = (i) => {
    const value = k < 0 ? study.segments.score[i] : study.value(k, i);
    return value === null ? NaN : log ? Math.log(value) : value;
  };
  const [low, high] = extent(places.map(of));
  return (i) => (of(i) - low) / (high - low || 1);
}

function rampLegend(parent) {
  const bar = make("span", { className: "ramp" });
  bar.style.background =
    `linear-gradient(90deg, ${[0, .25, .5, .75, 1].map(ramp).join(",")})`;
  parent.append(make("div", { className: "legend" }, "low ", bar, " high"));
}

// -------- score --------

// The piece of a curve that a segment adds: from its parent's score to its own.
function curve(plot, context, study, places) {
  const s = study.segments;
  let marks = 0;
  for (const i of places) {
    const parent = s.parent[i];
    const x = plot.px(s.to[i]), y = plot.py(s.score[i]);
    if (parent < 0 || s.score[parent] === null) context.moveTo(x - 1, y);
    else context.moveTo(plot.px(s.to[parent]), plot.py(s.score[parent]));
    context.lineTo(x, y);
    marks++;
  }
  return marks;
}

function showScores(study, choose) {
  const box = section("scores", "Score", "Each member's score against the age of its weights. After "
    + "an exploit a curve goes on from its donor's. The winner's true ancestors are drawn strong.");
  const s = study.segments;
  const scored = pick(study, (i) => study.done[i] && s.score[i] !== null);
  const group = (i) => study.members.group[s.member[i]];
  const population = scored.filter((i) => group(i) === "population");
  const controls = scored.filter((i) => group(i) !== "population");
  const winner = study.lineage.filter((i) => s.score[i] !== null);
  legend(box, [["var(--soft)", "population"], ["var(--strong)", "the winner's ancestors"],
    ...(controls.length ? [["var(--other)", "controls"]] : [])]);
  addPlot(box, {
    label: `${study.summary.score_name} against age for all members`,
    height: 380, x: { label: "age (steps)", range: [0, extent(s.to)[1]] },
    y: { label: study.summary.score_name, range: extent(scored.map((i) => s.score[i])) },
    points: { x: scored.map((i) => s.to[i]), y: scored.map((i) => s.score[i]), id: scored },
    describe: (i) => study.describe(i), choose,
    paint: (plot, c) => {
      let marks = layers(c, population, (layer) => curve(plot, c, study, layer));
      marks += lines(c, 1.5, style("--other"), () => curve(plot, c, study, controls));
      return marks + lines(c, 3, style("--strong"), () => curve(plot, c, study, winner));
    },
  });
}

// -------- hyperparameters against age --------

// The range of a hyperparameter's axis, and how its ticks read.
function hpAxis(study, k, places) {
  const hp = study.space[k];
  if (hp.values) {
    const last = hp.values.length - 1;
    return { label: hp.name, range: [-0.3, last + 0.3], size: 74,
      splits: () => hp.values.map((value, i) => i),
      values: (u, ticks) => ticks.map((tick) => study.shown(k, tick)) };
  }
  return { label: hp.name, kind: hp.scale, range: extent(places.map((i) => study.value(k, i))) };
}

function steps(plot, study, k, context, places) {
  const s = study.segments;
  for (const i of places) {
    const y = plot.py(study.value(k, i)), parent = s.parent[i];
    if (parent >= 0) {
      context.moveTo(plot.px(s.from[i]), plot.py(study.value(k, parent)));
      context.lineTo(plot.px(s.from[i]), y);
    } else context.moveTo(plot.px(s.from[i]), y);
    context.lineTo(plot.px(s.to[i]), y);
  }
  return places.length;
}

function showHyperparameters(study, choose) {
  if (study.space.length === 0) return;
  const box = section("hyperparameters", "Hyperparameters", "Each on its own scale against age; the "
    + "schedule that the winner's weights were trained with is drawn strong.");
  const grid = make("div", { className: "pair" });
  box.append(grid);
  const s = study.segments;
  const places = pick(study, (i) => study.done[i]);
  study.space.forEach((hp, k) => {
    const cell = make("div", {}, make("h3", { textContent: hp.name }));
    grid.append(cell);
    addPlot(cell, {
      label: `${hp.name} against age`, height: 220,
      x: { label: "age (steps)", range: [0, extent(s.to)[1]] }, y: hpAxis(study, k, places),
      points: { x: places.map((i) => s.to[i]), y: places.map((i) => study.value(k, i)), id: places },
      describe: (i) => study.describe(i), choose,
      paint: (plot, c) => {
        const marks = layers(c, places, (layer) => steps(plot, study, k, c, layer));
        return marks + lines(c, 3, style("--strong"), () => steps(plot, study, k, c, study.lineage));
      },
    });
  });
}

// -------- scatter --------

function dots(plot, context, xs, ys, colours, size) {
  const r = size * devicePixelRatio;
  const buckets = Array.from({ length: BUCKETS + 1 }, () => []);
  colours.forEach((part, i) =>
    buckets[part >= 0 ? Math.min(BUCKETS - 1, Math.floor(part * BUCKETS)) : BUCKETS].push(i));
  buckets.forEach((bucket, b) => {
    context.fillStyle = b === BUCKETS ? ramp(NaN) : ramp((b + 0.5) / BUCKETS);
    for (const i of bucket) {
      context.fillRect(plot.px(xs[i]) - r / 2, plot.py(ys[i]) - r / 2, r, r);
    }
  });
  return xs.length;
}

// Values of a list that are apart stay apart: a little to the side, the same each time.
function spread(study, k, i) {
  const value = study.value(k, i);
  return study.space[k].values ? value + ((i * 0.618034) % 1 - 0.5) * 0.4 : value;
}

function showGains(study, choose) {
  const s = study.segments;
  const places = pick(study, (i) => study.done[i] && study.gain(i) !== null);
  if (places.length === 0 || study.space.length === 0) return;
  const box = section("gains", "Gain by value", "How much a segment improved on the score that it "
    + "started from, against each hyperparameter. Coloured by age, low is early.");
  rampLegend(box);
  const grid = make("div", { className: "pair" });
  box.append(grid);
  const gains = places.map((i) => study.gain(i)), oldest = extent(s.to)[1];
  const ages = places.map((i) => s.to[i] / oldest);
  study.space.forEach((hp, k) => {
    const cell = make("div", {}, make("h3", { textContent: hp.name }));
    grid.append(cell);
    const xs = places.map((i) => spread(study, k, i));
    addPlot(cell, {
      label: `Gain of a segment against ${hp.name}`, height: 230,
      x: hpAxis(study, k, places), y: { label: "gain", range: extent(gains) },
      points: { x: xs, y: gains, id: places }, describe: (i) =>
        `gain ${signed(study.gain(i))}\n${study.describe(i)}`, choose,
      paint: (plot, c) => dots(plot, c, xs, gains, ages, places.length > 5000 ? 2 : 5),
    });
  });
}

function showPairs(study, choose) {
  const places = pick(study, (i) => study.done[i]);
  if (study.space.length < 2 || places.length === 0) return;
  const box = section("pairs", "Pairs", "Two hyperparameters against each other, coloured by score.");
  const names = study.space.map((hp, k) => [k, hp.name]);
  const across = chooser("across", names), up = chooser("up", names);
  up.value = 1;
  box.append(make("div", { className: "tools" },
    make("label", { htmlFor: "across", textContent: "Across" }), across,
    make("label", { htmlFor: "up", textContent: "Up" }), up));
  rampLegend(box);
  const part = colouring(study, places, -1), colours = places.map(part);
  const stage = make("div");
  box.append(stage);
  let shown = null;
  const draw = () => {
    if (shown) {
      removePlot(shown);
      stage.replaceChildren();
    }
    const a = Number(across.value), b = Number(up.value);
    const xs = places.map((i) => spread(study, a, i)), ys = places.map((i) => spread(study, b, i));
    shown = addPlot(stage, {
      label: `${study.space[b].name} against ${study.space[a].name}`, height: 360,
      x: hpAxis(study, a, places), y: hpAxis(study, b, places),
      points: { x: xs, y: ys, id: places }, describe: (i) => study.describe(i), choose,
      paint: (plot, c) => dots(plot, c, xs, ys, colours, places.length > 5000 ? 2 : 6),
    });
  };
  across.addEventListener("change", draw);
  up.addEventListener("change", draw);
  draw();
}

// -------- slots --------

function showSlots(study) {
  const s = study.segments, last = extent(s.ended)[1], lanes = study.lanes.length;
  const box = section("slots", "Slots", "What each slot of each worker did over time. Gaps are waiting.");
  const kinds = [["load_ms", "#b58900", "loading"], ["train_ms", "#2a8a7c", "training"],
    ["save_ms", "#7a5ea8", "saving"]];
  legend(box, kinds.map(([, colour, name]) => [colour, name]));
  const places = pick(study, (i) => s.ended[i] >= 0);
  addPlot(box, {
    label: "Slots over time", height: Math.max(150, Math.min(420, 80 + lanes * 26)),
    x: { label: "time (seconds)", range: [0, last],
      values: (u, ticks) => ticks.map((tick) => digits(tick / 1000)) },
    y: { label: "slot", range: [-0.5, lanes - 0.5], splits: () => [...Array(lanes).keys()] },
    points: { x: places.map((i) => (s.began[i] + s.ended[i]) / 2), y: places.map((i) => s.lane[i]),
      id: places },
    describe: (i) => `${study.describe(i)}\nworker ${study.lanes[s.lane[i]].worker}, `
      + `slot ${study.lanes[s.lane[i]].slot}\n`
      + `loading ${s.load_ms[i]} ms, training ${s.train_ms[i]} ms, saving ${s.save_ms[i]} ms`,
    paint: (plot, c) => {
      const height = Math.max(2, Math.min(16, plot.u.bbox.height / lanes / devicePixelRatio * 0.6));
      kinds.forEach(([, colour], kind) => lines(c, height, colour, () => {
        for (const i of places) {
          const begin = s.began[i] + kinds.slice(0, kind).reduce((sum, [key]) => sum + s[key][i], 0);
          const y = plot.py(s.lane[i]);
          if (s[kinds[kind][0]][i] === 0) continue;
          c.moveTo(plot.px(begin), y);
          c.lineTo(plot.px(begin + s[kinds[kind][0]][i]), y);
        }
      }));
      return places.length;
    },
  });
}

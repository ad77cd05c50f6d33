// SPDX-License-Identifier: Apache-2.0
// page_plot.js - one chart: uPlot gives axes, scales, zoom and cursor; we paint marks on its canvas.
//
// uPlot draws series over shared x values, which a thousand members with ages of their own do not
// have. So each chart hands it two invisible points that span the scales, and paints its own lines
// in the draw hook: 100,000 segments are one path a colour.

const plots = [];
const tip = document.getElementById("tip");

function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(6, Math.min(x + 14, innerWidth - box.width - 6))}px`;
  tip.style.top = `${Math.max(6, y + 16 + box.height > innerHeight ? y - box.height - 10 : y + 16)}px`;
}
function hideTip() { tip.hidden = true; }

// A scale that a hyperparameter asks for: {distr, ...} of uPlot.
function scaleOf(kind) {
  if (kind === "log") return { distr: 3, log: 10 };
  if (kind === "logit") {
    return { distr: 100, fwd: (v) => Math.log(v / (1 - v)), bwd: (v) => 1 / (1 + Math.exp(-v)) };
  }
  return { distr: 1 };
}
// 1, 2 and 5 of each power of ten; the powers alone where there are many of them.
function logTicks(low, high) {
  const ticks = [], first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  for (let power = first; power <= last; power++) {
    for (const digit of last - first > 4 ? [1] : [1, 2, 5]) {
      const tick = Number(`${digit}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}
const LOGIT_TICKS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999];

function padded([low, high], kind) {
  if (kind === "log") return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
  if (kind === "logit") { // a little in log-odds
    const odds = Math.log(low / (1 - low)), top = Math.log(high / (1 - high));
    const room = (top - odds || 1) * 0.04;
    return [odds - room, top + room].map((value) => 1 / (1 + Math.exp(-value)));
  }
  const room = (high - low || Math.abs(high) || 1) * 0.04;
  return [low - room, high + room];
}

/*
 * options: label (what a screen reader says), x and y: {label, range, kind, values, splits}, height,
 * paint(plot, context): draws; points: {x, y, id} arrays that can be pointed at;
 * describe(id), choose(id).
 */
function addPlot(parent, options) {
  const host = make("div", { className: "plot", tabIndex: 0, role: "img" });
  host.setAttribute("aria-label", options.label);
  parent.append(host);
  const plot = { host, options, focus: -1 };
  const axis = (side) => ({
    label: side.label, stroke: () => style("--soft"), labelSize: 22, labelFont: "13px system-ui",
    font: "12px system-ui", grid: { stroke: () => style("--grid"), width: 1 },
    ticks: { stroke: () => style("--grid"), width: 1 },
    values: side.values ?? ((u, ticks) => ticks.map((tick) => tick === null ? "" : digits(tick))),
    ...(side.splits ? { splits: side.splits }
      : side.kind === "logit" ? { splits: (u, i, low, high) =>
        LOGIT_TICKS.filter((tick) => tick >= low && tick <= high) }
        : side.kind === "log" ? { splits: (u, i, low, high) => logTicks(low, high),
          filter: (u, ticks) => ticks } : {}),
  });
  const xs = padded(options.x.range, options.x.kind), ys = padded(options.y.range, options.y.kind);
  let first = true;
  const u = new uPlot({
    width: host.clientWidth || 600, height: options.height ?? 300, legend: { show: false },
    scales: {
      x: { time: false, ...scaleOf(options.x.kind), range: (u, low, high) => first ? xs : [low, high] },
      y: { ...scaleOf(options.y.kind), range: ys },
    },
    axes: [{ ...axis(options.x), size: 38 }, { ...axis(options.y), size: options.y.size ?? 58 }],
    series: [{}, { stroke: "transparent", points: { show: false } }],
    cursor: { drag: { x: true, y: false, uni: 20 }, points: { show: false } },
    hooks: { draw: [(u) => paint(plot, u)] },
  }, [xs, ys], host);
  first = false;
  plot.u = u;
  plot.full = xs; // the x range without zoom
  u.over.addEventListener("dblclick", () => u.setScale("x", { min: xs[0], max: xs[1] }));
  if (options.points) addPointing(plot);
  plots.push(plot);
  fitter.observe(host);
  return plot;
}

function paint(plot, u) {
  const context = u.ctx;
  context.save();
  context.beginPath();
  context.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  context.clip();
  context.lineJoin = "round";
  const at = (scale) => (value) => u.valToPos(value, scale, true);
  plot.px = at("x");
  plot.py = at("y");
  plot.marks = plot.options.paint(plot, context, devicePixelRatio) ?? 0;
  plot.host.dataset.marks = plot.marks;
  if (performance.getEntriesByName("picture").length === 0) performance.mark("picture");
  if (plot.focus >= 0) {
    const { x, y } = plot.options.points;
    context.beginPath();
    context.arc(plot.px(x[plot.focus]), plot.py(y[plot.focus]), 6 * devicePixelRatio, 0, 7);
    context.strokeStyle = style("--ink");
    context.lineWidth = 2 * devicePixelRatio;
    context.stroke();
  }
  context.restore();
}

// The point nearest to a place on the canvas, in CSS pixels; -1: none within 30.
function nearest(plot, left, top) {
  const { x, y } = plot.options.points;
  let found = -1, least = 30 * 30;
  for (let i = 0; i < x.length; i++) {
    if (y[i] === null) continue;
    const dx = plot.u.valToPos(x[i], "x") - left;
    if (dx * dx >= least) continue;
    const dy = plot.u.valToPos(y[i], "y") - top;
    const distance = dx * dx + dy * dy;
    if (distance < least) { least = distance; found = i; }
  }
  return found;
}

function point(plot, place, x, y) {
  if (place === plot.focus && !tip.hidden) return;
  plot.focus = place;
  plot.u.redraw(false, false);
  if (place < 0) { hideTip(); return; }
  showTip(plot.options.describe(plot.options.points.id[place]), x, y);
}

function addPointing(plot) {
  const over = plot.u.over, points = plot.options.points;
  let waiting = false;
  over.addEventListener("mousemove", (event) => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const box = over.getBoundingClientRect();
      point(plot, nearest(plot, event.clientX - box.left, event.clientY - box.top),
        event.clientX, event.clientY);
    });
  });
  over.addEventListener("mouseleave", () => point(plot, -1));
  over.addEventListener("click", () => {
    if (plot.focus >= 0) plot.options.choose?.(points.id[plot.focus]);
  });
  plot.host.addEventListener("blur", () => point(plot, -1));
  plot.host.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Enter" && plot.focus >= 0) plot.options.choose?.(points.id[plot.focus]);
    if (event.key === "Escape") point(plot, -1);
    if (step === undefined || points.x.length === 0) return;
    event.preventDefault();
    const place = Math.max(0, Math.min(points.x.length - 1, plot.focus + step));
    const box = over.getBoundingClientRect();
    point(plot, place, box.left + plot.u.valToPos(points.x[place], "x"),
      box.top + plot.u.valToPos(points.y[place], "y"));
  });
}

function removePlot(plot) {
  fitter.unobserve(plot.host);
  plot.u.destroy();
  plots.splice(plots.indexOf(plot), 1);
}

function repaint() { for (const plot of plots) plot.u.redraw(false, true); }

// A chart is as wide as its place: when the window changes, when a neighbour comes, on paper.
const fitter = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = plots.find((plot) => plot.host === target);
    const width = target.clientWidth;
    if (plot && width > 0 && plot.u.width !== width) {
      plot.u.setSize({ width, height: plot.u.height });
    }
  }
});
for (const query of ["(prefers-color-scheme: dark)", "print"]) {
  matchMedia(query).addEventListener("change", repaint); // colours are read when we paint
}

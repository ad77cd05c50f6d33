// SPDX-License-Identifier: Apache-2.0
// page_live.js - a page that follows its study: drawn anew where the reader left off.
//
// The server's stream of events says that there is more; the page then asks for the document. It
// waits while text is being marked or a mouse button is held, and a little while a mark is pointed
// at; a large study, which takes long to draw, is drawn less often.

const REST = 5; // pause at least so many times as long as drawing took
const POINTING_MS = 4000; // somebody who points at a mark is waited for so long

// -------- where the reader is --------

// What stays where it is on the screen: the section that is read, in the upper part of the window.
function anchor() {
  const found = [...document.querySelectorAll("main > section")]
    .find((section) => section.getBoundingClientRect().bottom > innerHeight / 3);
  return found ? { id: found.id, top: found.getBoundingClientRect().top } : null;
}

function placeOfReader({ study, chosen }) {
  const s = study.segments, last = chosen.places?.at(-1);
  const active = document.activeElement;
  return {
    anchor: anchor(),
    values: [...document.querySelectorAll("main select, main input")]
      .map((field) => [field.id, field.value]),
    zooms: plots.map((plot) => [plot.options.label, plot.u.scales.x.min, plot.u.scales.x.max,
      plot.full]).filter(([, min, max, full]) => min !== full[0] || max !== full[1]),
    open: [...document.querySelectorAll("details[open] > summary")].map((e) => e.textContent),
    format: document.querySelector("#schedule pre:not([hidden])")?.dataset.format,
    scrolled: [...document.querySelectorAll("main section")].map((section) => [section.id,
      [...section.querySelectorAll(".scroll, pre")].map((box) => box.scrollTop)]),
    focus: active?.id || null,
    focusedPlot: active?.classList.contains("plot") ? active.getAttribute("aria-label") : null,
    chosen: last === undefined ? null : [s.member[last], s.segment[last], s.attempt[last]],
  };
}

function findSegment(study, [member, segment, attempt]) {
  const s = study.segments;
  for (let i = 0; i < study.count; i++) {
    if (s.member[i] === member && s.segment[i] === segment && s.attempt[i] === attempt) return i;
  }
  return -1;
}

function bringReaderBack(place, { study, choose }) {
  for (const [id, value] of place.values) {
    const field = document.getElementById(id);
    if (!field || field.value === value) continue;
    field.value = value;
    field.dispatchEvent(new Event(field.tagName === "SELECT" ? "change" : "input"));
  }
  for (const [label, min, max] of place.zooms) {
    plots.find((plot) => plot.options.label === label)?.u.setScale("x", { min, max });
  }
  for (const summary of document.querySelectorAll("details > summary")) {
    if (place.open.includes(summary.textContent)) summary.parentElement.open = true;
  }
  if (place.format) {
    [...document.querySelectorAll("#schedule button")]
      .find((button) => button.textContent === place.format)?.click();
  }
  const i = place.chosen ? findSegment(study, place.chosen) : -1;
  if (i >= 0) choose(i);
  for (const [id, tops] of place.scrolled) {
    document.getElementById(id)?.querySelectorAll(".scroll, pre")
      .forEach((box, k) => { box.scrollTop = tops[k] ?? 0; });
  }
  const focused = place.focusedPlot
    ? plots.find((plot) => plot.options.label === place.focusedPlot)?.host
    : place.focus && document.getElementById(place.focus);
  focused?.focus({ preventScroll: true });
}

function scrollBack(place) {
  const now = place.anchor && document.getElementById(place.anchor.id);
  if (now) {
    scrollBy({ top: now.getBoundingClientRect().top - place.anchor.top, behavior: "instant" });
  }
}

// -------- following --------

async function redraw(shown, documents) {
  const main = document.getElementById("main"), place = placeOfReader(shown);
  main.style.minHeight = `${main.offsetHeight}px`; // an empty page would scroll to its top
  hideTip();
  for (const plot of [...plots]) removePlot(plot);
  main.replaceChildren();
  document.getElementById("nav").replaceChildren();
  const next = showReport(documents);
  bringReaderBack(place, next);
  await null; // uPlot takes its size in a microtask
  scrollBack(place);
  main.style.minHeight = "";
  return next;
}

function followStudy(shown) {
  if (!document.getElementById("live")) return;
  const light = make("span", { id: "light", role: "status" });
  document.querySelector("header").append(light);
  const say = (text) => { light.textContent = text; light.dataset.state = text; };
  say("connecting");
  document.getElementById("alone").remove(); // here it is not
  document.documentElement.style.overflowAnchor = "none"; // we keep the place ourselves
  let held = false, wanted = false, busy = false, restUntil = 0, pointedSince = 0;
  addEventListener("pointerdown", () => { held = true; });
  addEventListener("pointerup", () => { held = false; });
  addEventListener("pointercancel", () => { held = false; });
  const isBusyReader = () => {
    if (tip.hidden) pointedSince = 0;
    else if (pointedSince === 0) pointedSince = performance.now();
    return held || !getSelection().isCollapsed
      || (pointedSince > 0 && performance.now() - pointedSince < POINTING_MS);
  };
  const update = async () => {
    if (!wanted || busy || performance.now() < restUntil || isBusyReader()) return;
    busy = true;
    wanted = false;
    try {
      const answer = await fetch("document.json");
      if (!answer.ok) throw new Error(await answer.text());
      const text = await answer.json(), began = performance.now();
      if (isBusyReader()) wanted = true; // since we asked
      else shown = await redraw(shown, [text]);
      restUntil = performance.now() + Math.max(500, REST * (performance.now() - began));
      say("live");
    } catch (error) {
      wanted = true;
      restUntil = performance.now() + 3000;
      say(`not up to date: ${error.message.trim()}`);
    }
    busy = false;
  };
  let seq = String(shown.study.summary.seq);
  const source = new EventSource("events");
  source.onopen = () => say("live");
  source.onerror = () => say("the server does not answer; trying again");
  source.onmessage = (event) => {
    if (event.data === seq) return; // what this page was made from
    seq = event.data;
    wanted = true;
  };
  setInterval(update, 250);
}

// SPDX-License-Identifier: Apache-2.0
// page_tools.js - making elements, numbers as text, colours. Text is only ever set as text.

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value; else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function digits(value, count = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e7)) {
    return value.toExponential(count - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return Number.isInteger(value) ? value.toLocaleString("en-US")
    : String(Number(value.toPrecision(count)));
}

function signed(value) {
  return value === null ? "–" : (value >= 0 ? "+" : "−") + digits(Math.abs(value));
}

function duration(ms) {
  if (ms === null || ms < 0) return "–";
  const s = ms / 1000;
  if (s < 60) return `${digits(s, 3)} s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${String(Math.floor(s % 60)).padStart(2, "0")}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${String(Math.floor(s / 60) % 60).padStart(2, "0")}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor(s / 3600) % 24}h`;
}

function bytes(count) {
  let unit = 0;
  while (count >= 1024 && unit < 4) { count /= 1024; unit++; }
  return `${digits(count, 3)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Blue to yellow through green, readable without red-green vision and on both backgrounds.
const RAMP = [[63, 73, 137], [43, 114, 142], [31, 150, 139], [85, 191, 103], [214, 200, 40]];
function ramp(part) {
  if (!(part >= 0)) return "#8a949b";
  const at = Math.min(part, 1) * (RAMP.length - 1);
  const low = Math.min(Math.floor(at), RAMP.length - 2);
  const mix = RAMP[low].map((value, i) => Math.round(value + (RAMP[low + 1][i] - value) * (at - low)));
  return `rgb(${mix.join(",")})`;
}

// Minimum and maximum of what is finite; [0, 1] when nothing is.
function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

// The image page: every patch tells its concepts. All codes came with the page, so nothing is asked of the server.
import { mapOf, segmentsOf, toAddress } from "./patches.js";
import { startPaint, writePatches } from "./paint.js";
import { COLOURS, copyOf, fullNameOf, markRows, nameOf, numberAt, rowOf, swatchOf } from "./ranked.js";
import { short } from "./readout.js";

const $ = (selector) => document.querySelector(selector);

let patches, cells, list, heat, first;
const chosen = { look: "segments", concept: null, patch: null, painted: new Set() };

export function startImage() {
  patches = JSON.parse($("#patches").textContent);
  cells = [...document.querySelectorAll("#cells a")];
  list = $("#ranked");
  heat = $("#stage-heat");
  first = { rows: [...list.children], title: $("#panel-title").textContent, says: $("#panel-says").textContent, ofPatch: ["patch", "painted"].some((name) => new URLSearchParams(location.search).has(name)) };
  readAddress();
  if ($("#paint")) startPaint({ cells, painted: chosen.painted, changed });
  wire();
  draw();
}

function readAddress() {
  const asked = new URLSearchParams(location.search);
  const [row, col] = (asked.get("patch") ?? "").split(",").map(Number);
  if (asked.has("patch")) chosen.patch = row * patches.cols + col;
  const position = asked.has("concept") ? patches.concepts.indexOf(Number(asked.get("concept"))) : -1;
  chosen.concept = position < 0 ? null : position;
  chosen.look = $("input[name=look]:checked").value;
  if (chosen.patch !== null && chosen.concept === null) chosen.concept = topOf(chosen.patch);
}

function wire() {
  const group = $("#cells");
  const current = chosen.patch ?? 0;
  cells.forEach((cell, index) => cell.setAttribute("tabindex", index === current ? "0" : "-1"));
  group.addEventListener("pointerover", (event) => preview(indexOf(event.target)));
  group.addEventListener("focusin", (event) => preview(indexOf(event.target)));
  group.addEventListener("pointerleave", settle);
  group.addEventListener("focusout", ({ relatedTarget }) => list.contains(relatedTarget) || settle()); // a row that is pressed stays
  group.addEventListener("click", (event) => {
    event.preventDefault();
    choosePatch(indexOf(event.target));
  });
  group.addEventListener("keydown", moveCursor);
  list.addEventListener("pointerover", ({ target }) => hoverRow(target));
  list.addEventListener("focusin", ({ target }) => hoverRow(target));
  list.addEventListener("pointerleave", draw);
  list.addEventListener("click", (event) => {
    const show = event.target.closest("[data-show]");
    const position = show ? patches.concepts.indexOf(Number(show.dataset.show)) : -1;
    if (position < 0) return; // nowhere among the strongest of a patch: the server draws it
    event.preventDefault();
    chooseConcept(position);
  });
  for (const radio of document.querySelectorAll("input[name=look]")) {
    radio.addEventListener("change", () => {
      chosen.look = radio.value;
      draw();
    });
  }
  $("#grid-on").addEventListener("change", ({ target }) => (document.documentElement.dataset.grid = target.checked ? "1" : "0"));
}

function indexOf(target) {
  return cells.indexOf(target.closest?.("a"));
}

function moveCursor(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -patches.cols, ArrowDown: patches.cols }[event.key];
  const here = indexOf(event.target);
  if (event.key === " ") {
    event.preventDefault();
    return choosePatch(here);
  }
  if (!step) return;
  event.preventDefault();
  const sideways = Math.abs(step) === 1 && Math.floor((here + step) / patches.cols) !== Math.floor(here / patches.cols);
  const next = sideways ? undefined : cells[here + step];
  if (!next) return;
  cells[here].setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

function choosePatch(index) {
  if (index < 0) return;
  chosen.patch = chosen.patch === index ? null : index;
  if (chosen.patch !== null) {
    chosen.concept = topOf(index);
    look("concept");
  }
  keepAddress();
  draw();
}

function chooseConcept(position) {
  if (position < 0) return;
  chosen.concept = position;
  look("concept");
  keepAddress();
  draw();
}

function look(name) {
  chosen.look = name;
  $(`input[name=look][value=${name}]`).checked = true;
}

/** Other patches are painted. */
function changed() {
  chosen.patch = null;
  keepAddress();
  draw();
}

function keepAddress() {
  const url = new URL(location.href);
  const { patch, concept } = chosen;
  url.searchParams.delete("patch");
  url.searchParams.delete("concept");
  if (chosen.painted.size) url.searchParams.set("painted", writePatches(chosen.painted));
  else url.searchParams.delete("painted");
  if (concept !== null) url.searchParams.set("concept", patches.concepts[concept]);
  if (patch !== null) url.searchParams.set("patch", `${Math.floor(patch / patches.cols)},${patch % patches.cols}`);
  history.replaceState(history.state, "", url.pathname + url.search.replaceAll("%2C", ","));
  for (const link of document.querySelectorAll("a[data-keep]")) {
    const to = new URL(link.href);
    to.searchParams.delete("concept");
    if (concept !== null) to.searchParams.set("concept", patches.concepts[concept]);
    link.href = to.pathname + to.search;
  }
}

function preview(index) {
  if (index < 0 || $("#paint")?.checked) return;
  showPatch(index);
}

function settle() {
  if (chosen.painted.size) showPainted();
  else if (chosen.patch === null) showWhole();
  else showPatch(chosen.patch);
}

function hoverRow(target) {
  const id = target.closest?.("li[data-concept]")?.dataset.concept;
  const position = id === undefined ? -1 : patches.concepts.indexOf(Number(id));
  if (position < 0 || chosen.look === "photo") return;
  showSegments(false);
  showHeat(position);
}

function draw() {
  cells.forEach((cell, index) => {
    if (index === chosen.patch) cell.setAttribute("aria-current", "true");
    else cell.removeAttribute("aria-current");
  });
  showSegments(chosen.look === "segments");
  showHeat(chosen.look === "concept" ? chosen.concept : null);
  settle();
}

function topOf(index) {
  const position = patches.index[index * patches.n_top];
  return position < 0 ? null : position;
}

function showHeat(position) {
  const parts = heat.querySelectorAll("image, rect");
  for (const part of parts) part.setAttribute("visibility", position === null ? "hidden" : "visible");
  for (const row of list.children) row.classList.toggle("on", position !== null && Number(row.dataset.concept) === patches.concepts[position]);
  if (position === null) {
    $("#stage-says").textContent = chosen.look === "segments" ? "Each patch in the colour of the concept that is strongest there" : "";
    return;
  }
  const { map, scale } = mapOf(patches, position);
  parts[0].setAttribute("href", toAddress(map, patches));
  parts[1].setAttribute("fill-opacity", (1 - Math.min(1, scale / (patches.max[position] || 1))).toFixed(3));
  $("#stage-says").textContent = `${fullNameOf(patches, position)}: up to ${short(scale)} on this photo`;
}

function showSegments(on) {
  const [areas, numbers] = [$("#segments"), $("#numbers")];
  areas.replaceChildren();
  numbers.replaceChildren();
  const found = on ? segmentsOf(patches, COLOURS.length) : { owner: [], top: [] };
  found.owner.forEach((place, index) => {
    if (place < 0) return;
    areas.append(copyOf(cells[index].firstElementChild, COLOURS[place]));
  });
  found.top.forEach(({ peak }, place) => numbers.append(numberAt(cells[peak].firstElementChild, place + 1)));
  drawLegend(found.top);
  markRows(list, patches, found.top);
}

function drawLegend(top) {
  const entries = top.map(({ position }, place) => {
    const [entry, button] = [document.createElement("li"), document.createElement("button")];
    button.append(swatchOf(place), ...nameOf(patches, position));
    button.addEventListener("click", () => chooseConcept(position));
    entry.append(button);
    return entry;
  });
  $("#legend").replaceChildren(...entries);
}

function showWhole() {
  const whole = $("#whole");
  if (!first.ofPatch) return fillPanel(first.title, first.says, first.rows);
  if (whole) return fillPanel(whole.dataset.title, "On the whole photo", [...whole.content.cloneNode(true).children]);
  fillPanel("Strongest concepts", "On the whole image, relative to each concept's max", wholeRows());
}

function wholeRows() {
  const best = new Map();
  patches.index.forEach((position, slot) => {
    if (position >= 0) best.set(position, Math.max(best.get(position) ?? 0, patches.values[slot]));
  });
  return [...best].map(([position, value]) => rowOf(patches, position, value)).sort((a, b) => b.share - a.share).slice(0, 24).map((one) => one.item);
}

function showPainted() {
  const sums = new Map();
  for (const index of chosen.painted) {
    for (let slot = index * patches.n_top; slot < (index + 1) * patches.n_top; slot += 1) {
      const position = patches.index[slot];
      if (position >= 0) sums.set(position, (sums.get(position) ?? 0) + patches.values[slot]);
    }
  }
  const found = [...sums].sort((a, b) => b[1] - a[1]);
  const rows = found.map(([position, sum]) => rowOf(patches, position, sum, { share: sum / found[0][1], note: "on the painted patches" }).item);
  const n = chosen.painted.size;
  fillPanel(n === 1 ? "1 patch" : `${n} patches`, "Sum of codes on the painted patches", rows);
}

function showPatch(index) {
  const rows = [];
  for (let slot = index * patches.n_top; slot < (index + 1) * patches.n_top; slot += 1) {
    if (patches.index[slot] >= 0) rows.push(rowOf(patches, patches.index[slot], patches.values[slot]).item);
  }
  const place = `Row ${Math.floor(index / patches.cols) + 1}, column ${(index % patches.cols) + 1}`;
  fillPanel(place, rows.length ? "What fires on this patch" : "No concept fires here", rows);
}

function fillPanel(title, says, rows) {
  $("#panel-title").textContent = title;
  $("#panel-says").textContent = says;
  list.replaceChildren(...rows);
  const shown = chosen.look === "concept" ? patches.concepts[chosen.concept] : null;
  for (const one of rows) one.classList.toggle("on", shown !== null && Number(one.dataset.concept) === shown);
  if (chosen.look === "segments") markRows(list, patches, segmentsOf(patches, COLOURS.length).top);
}

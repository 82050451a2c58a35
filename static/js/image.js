// The image page: every patch tells its concepts. All codes came with the page, so nothing is asked of the server.
import { mapOf, partsOn, segmentsOf, signedOf, toAddress, toShades } from "./patches.js";
import { startPaint, writePatches } from "./paint.js";
import { COLOURS, copyOf, fullNameOf, markRows, nameOf, numberAt, rowOf, swatchOf } from "./ranked.js";
import { short, signed } from "./readout.js";

const $ = (selector) => document.querySelector(selector);

let patches, cells, list, heat, first;
/** Whole maps of the chosen concept, as the server tells them: what it adds, what is lost without it. */
let told = {};
/** `map` is what is shown of one concept: its codes, what it adds (contribution), what is lost without it (occlusion). */
const chosen = { look: "segments", concept: null, id: null, map: "codes", patch: null, painted: new Set() };

export function startImage() {
  patches = JSON.parse($("#patches").textContent);
  cells = [...document.querySelectorAll("#cells a")];
  list = $("#ranked");
  heat = $("#stage-heat");
  first = { rows: [...list.children], title: $("#panel-title").textContent, says: $("#panel-says").textContent, ofPatch: ["patch", "painted"].some((name) => new URLSearchParams(location.search).has(name)) };
  readAddress();
  takeTold();
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
  chosen.id = asked.has("concept") ? Number(asked.get("concept")) : null;
  chosen.look = $("input[name=look]:checked").value;
  if (["contribution", "occlusion"].includes(asked.get("map"))) chosen.map = asked.get("map");
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
      keepAddress();
      draw();
    });
  }
  addEventListener("concept:map", ({ detail }) => {
    chosen.map = detail;
    look("concept");
    keepAddress();
    draw();
  });
  addEventListener("concept:told", () => {
    takeTold();
    draw();
  });
  addEventListener("concept:closed", () => {
    [chosen.concept, chosen.id, chosen.map] = [null, null, "codes"];
    look("segments");
    keepAddress();
    draw();
  });
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
  if (chosen.patch !== null && chosen.look !== "total") {
    takeConcept(topOf(index));
    look("concept");
  }
  keepAddress();
  draw();
}

function chooseConcept(position) {
  if (position < 0) return;
  takeConcept(position);
  look("concept");
  keepAddress();
  draw();
}

/** Another concept; what is lost without it is asked only when somebody wants to know. */
function takeConcept(position) {
  if (position !== chosen.concept && chosen.map === "occlusion") chosen.map = "codes";
  chosen.concept = position;
  chosen.id = position === null ? null : patches.concepts[position];
}

function takeTold() {
  const [parts, lost] = [$("#concept > [data-parts]"), $("#losses")];
  told = {
    id: Number($("#concept > [data-concept]")?.dataset.concept),
    contribution: parts && JSON.parse(parts.dataset.parts),
    occlusion: lost?.dataset.lost && JSON.parse(lost.dataset.lost),
  };
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
  const { patch } = chosen;
  url.searchParams.delete("patch");
  url.searchParams.delete("concept");
  if (chosen.painted.size) url.searchParams.set("painted", writePatches(chosen.painted));
  else url.searchParams.delete("painted");
  url.searchParams.delete("map");
  if (chosen.id !== null) url.searchParams.set("concept", chosen.id);
  if (mapParam()) url.searchParams.set("map", mapParam());
  if (patch !== null) url.searchParams.set("patch", `${Math.floor(patch / patches.cols)},${patch % patches.cols}`);
  history.replaceState(history.state, "", url.pathname + url.search.replaceAll("%2C", ",").replaceAll("%7E", "~"));
  for (const link of document.querySelectorAll("a[data-keep]")) {
    const to = new URL(link.href);
    for (const name of ["concept", "map", "edits"]) {
      to.searchParams.delete(name);
      if (url.searchParams.has(name)) to.searchParams.set(name, url.searchParams.get(name));
    }
    link.href = to.pathname + to.search.replaceAll("%7E", "~");
  }
  dispatchEvent(new CustomEvent("concept:address"));
}

/** What the photo shows, as the address has it; empty where that follows from the rest. */
function mapParam() {
  if (!$("#concept")) return ""; // image pages say only which concept
  const usual = chosen.id === null && chosen.patch === null ? "segments" : "concept";
  if (chosen.look !== "concept") return chosen.look === usual ? "" : chosen.look;
  if (chosen.id === null) return "";
  return chosen.map === "codes" ? "" : chosen.map;
}

function preview(index) {
  if (index < 0) return;
  const map = signedMap();
  if (map) $("#stage-says").textContent = `Row ${Math.floor(index / patches.cols) + 1}, column ${(index % patches.cols) + 1}: ${signed((map.shades[index] / 127) * map.scale)} logits`;
  if (!$("#paint")?.checked) showPatch(index);
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
  if (showsParts()) return showSigned({ ...signedOf(patches, position), says: fullNameOf(patches, position) });
  showSigned(null);
  showHeat(position);
}

function draw() {
  cells.forEach((cell, index) => {
    if (index === chosen.patch) cell.setAttribute("aria-current", "true");
    else cell.removeAttribute("aria-current");
  });
  showSegments(chosen.look === "segments");
  const map = signedMap();
  showHeat(chosen.look === "concept" && !map ? chosen.concept : null);
  showSigned(map);
  settle();
}

/** Whether contributions are shown, of one concept or of all. */
function showsParts() {
  return Boolean(patches.parts) && (chosen.look === "total" || (chosen.look === "concept" && chosen.map === "contribution"));
}

/** The map with signs that the photo shows: {shades, scale, says}; null for none. */
function signedMap() {
  if (chosen.look === "total" && patches.parts) return { ...signedOf(patches, null), says: `All concepts together: ${signed(patches.total_sum)} logits over all patches` };
  if (chosen.look !== "concept" || chosen.map === "codes" || chosen.id === null) return null;
  if (told.id === chosen.id && told[chosen.map]) return told[chosen.map];
  return showsParts() && chosen.concept !== null ? { ...signedOf(patches, chosen.concept), says: fullNameOf(patches, chosen.concept) } : null;
}

function showSigned(map) {
  const picture = $("#stage-signed image");
  if (!picture) return;
  $("#stage").classList.toggle("with-signs", Boolean(map));
  picture.setAttribute("visibility", map ? "visible" : "hidden");
  const legend = $("#signs");
  if (legend) legend.hidden = !map;
  if (!map) return;
  const parts = heat.querySelectorAll("image, rect");
  for (const part of parts) part.setAttribute("visibility", "hidden");
  picture.setAttribute("href", toAddress(toShades(map.shades), patches));
  const [least, most] = legend.querySelectorAll("output");
  [least.value, most.value] = [signed(-map.scale), signed(map.scale)];
  $("#stage-says").textContent = map.says;
}

function topOf(index) {
  const position = patches.index[index * patches.n_top];
  return position < 0 ? null : position;
}

function showHeat(position) {
  const parts = heat.querySelectorAll("image, rect");
  for (const part of parts) part.setAttribute("visibility", position === null ? "hidden" : "visible");
  markShown(position === null ? null : patches.concepts[position]);
  if (position === null) {
    $("#stage-says").textContent = chosen.look === "segments" ? "Each patch in the colour of the concept that is strongest there" : "";
    return;
  }
  const { map, scale } = mapOf(patches, position);
  parts[0].setAttribute("href", toAddress(map, patches));
  parts[1].setAttribute("fill-opacity", (1 - Math.min(1, scale / (patches.max[position] || 1))).toFixed(3));
  $("#stage-says").textContent = `${fullNameOf(patches, position)}: up to ${short(scale)} on this photo`;
}

function markShown(id) {
  const shown = chosen.look === "concept" ? (id ?? chosen.id) : id;
  for (const row of list.children) row.classList.toggle("on", shown !== null && Number(row.dataset.concept) === shown);
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
  const place = `Row ${Math.floor(index / patches.cols) + 1}, column ${(index % patches.cols) + 1}`;
  if (showsParts()) {
    const found = partsOn(patches, index);
    const longest = Math.max(...found.map(({ part }) => Math.abs(part)), 1e-12);
    return fillPanel(place, found.length ? "What its concepts add to the score there, or take from it, in logits" : "No concept fires here", found.map(({ position, part, code }) => rowOf(patches, position, code, { share: Math.abs(part) / longest, note: `code ${short(code)}`, value: signed(part) }).item));
  }
  const rows = [];
  for (let slot = index * patches.n_top; slot < (index + 1) * patches.n_top; slot += 1) {
    if (patches.index[slot] >= 0) rows.push(rowOf(patches, patches.index[slot], patches.values[slot]).item);
  }
  fillPanel(place, rows.length ? "What fires on this patch" : "No concept fires here", rows);
}

function fillPanel(title, says, rows) {
  $("#panel-title").textContent = title;
  $("#panel-says").textContent = says;
  list.replaceChildren(...rows);
  markShown(null);
  if (chosen.look === "segments") markRows(list, patches, segmentsOf(patches, COLOURS.length).top);
}

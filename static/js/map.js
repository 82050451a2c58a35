// The map: takes over from the picture, keeps what is seen in the address, and asks the server for what stands beside it.
import { concept, show } from "./map/beside.js";
import { drawLine, inside, read, rectangle, simple, written } from "./map/choose.js";
import { byImportance, loadChannels, unpack } from "./map/data.js";
import { listen } from "./map/gestures.js";
import { Layout } from "./map/layouts.js";
import { Names } from "./map/names.js";
import { Painter, colourAll, inksOf, readInks, stack } from "./map/paint.js";
import { drawCrops, placeCrops, sideOf } from "./map/photos.js";
import { View } from "./map/view.js";

const [REST, ASK, POINT] = [120, 350, 60]; // ms: until the map rests, until the server is asked, until a card opens
const NEAR = 9; // pixels around a dot that count as the dot
const MOST = 300; // concepts that an address holds
const WHOLE = { x: 65535 / 2, y: 65535 / 2, zoom: 1 };
const OWN = ["layout", "colour", "size", "x", "y", "zoom", "select", "area", "photos"];
const WORDS = ["class", "badge", "main_stream"];
const sheet = document.querySelector("#map");
const form = document.querySelector("#map-form");
const parts = Object.fromEntries(["chosen", "legend", "in-view", "hover-card"].map((id) => [id, document.querySelector(`#${id}`)]));
const canvases = Object.fromEntries(["fast", "fine", "top"].map((name) => [name, document.createElement("canvas")]));
const still = matchMedia("(prefers-reduced-motion: reduce)");
const view = new View({ x: Number(sheet.dataset.x), y: Number(sheet.dataset.y), zoom: Number(sheet.dataset.zoom) });
const columns = new Map();
const layouts = new Map(); // by name
const map = { kept: null, chosen: new Set(), area: null, placed: [], hovered: -1, line: null, tool: "", filter: new URLSearchParams() };
let fast, fine, top, names, layout, inks;

/** Take over from the picture; where that fails the picture stays. */
export function startMap() {
  return begin().catch(() => {
    document.querySelector("#map-keys").textContent = "The map could not be loaded, so that this is a picture of it. Load the page again to try once more.";
  });
}

async function begin() {
  const [asked, dark] = [new URLSearchParams(location.search), isDark()];
  if (dark !== matchMedia("(prefers-color-scheme: dark)").matches) setStill(dark);
  for (const [name, value] of asked) if (!OWN.includes(name) && value) map.filter.append(name, value);
  map.photos = asked.get("photos") !== "off";
  form.elements.photos.checked = map.photos;
  const [x, y, cluster, crops, importance] = await loadChannels(sheet.dataset.points);
  Object.assign(map, { crops, n: x.length, ranks: byImportance(importance) });
  columns.set("cluster", cluster).set("importance", importance);
  settle(keep(x, y));
  await Promise.all([filterAgain(), column(form.elements.colour.value), column(form.elements.size.value)]);
  takeChoice(asked);
  setUp();
}

/** A layout that has come, under the name that the sheet has now. */
function keep(x, y) {
  layouts.set(sheet.dataset.layout, new Layout(x, y, { order: map.ranks, crops: map.crops, sheet: sheet.dataset.sheet, arrived: moveSoon }));
  return layouts.get(sheet.dataset.layout);
}

/** Concepts lie where a layout has them from now on. */
function settle(to) {
  layout = to;
  Object.assign(map, { x: to.x, y: to.y, order: to.order });
}

/** A concept's crop from the layout at hand, or as long as it has not come from another. */
function photo(k) {
  const found = layout.photo(k);
  if (found) return found;
  for (const other of layouts.values()) if (other !== layout && other.loader.found.get(other.sheets[k]?.place)) return other.photo(k);
  return null;
}

function setUp() {
  sheet.querySelector("picture").after(canvases.fast, canvases.fine, canvases.top);
  [fast, fine] = [new Painter(canvases.fast), new Painter(canvases.fine)];
  top = canvases.top.getContext("2d");
  names = new Names(document.querySelector("#names"));
  inks = readInks(canvases.fast);
  recolour();
  new ResizeObserver(resize).observe(sheet);
  new MutationObserver(rethemed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  for (const media of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) matchMedia(media).addEventListener("change", rethemed);
  listen(sheet, { view, moved, pointed, picked, drawn, tool: () => map.tool });
  listenBeside();
}

function resize() {
  view.resize(sheet.clientWidth, sheet.clientHeight);
  const ratio = Math.min(devicePixelRatio || 1, 2);
  fast.resize(view.width, view.height, 1);
  fine.resize(view.width, view.height, ratio);
  canvases.top.width = Math.round(view.width * ratio);
  canvases.top.height = Math.round(view.height * ratio);
  top.setTransform(ratio, 0, 0, ratio, 0, 0);
  rest();
  sheet.classList.add("drawn");
}

// Drawing

function radius() {
  const apart = Math.sqrt((view.width * view.height) / Math.max(map.nInView ?? map.n, 1));
  return Math.min(Math.max(0.2 * apart, 1.5), 6);
}

function paint(painter, smooth) {
  painter.draw({ view, x: map.x, y: map.y, stacked: map.stacked, colours: map.colours, paper: inks.paper, radius: map.radius, sizes: map.sizes, smooth });
  canvases.fast.hidden = smooth;
  canvases.fine.hidden = !smooth;
}

function paintTop() {
  top.clearRect(0, 0, view.width, view.height);
  const mark = css(inks.mark);
  drawCrops(top, { ...map, view, photo, paper: css(inks.paper), mark });
  if (layout.has(map.hovered)) ring(map.hovered, css(inks.ink));
  if (map.line) drawLine(top, map.line, mark);
}

function ring(k, ink) {
  const [px, py] = view.toPixel(map.x[k], map.y[k]);
  const half = map.placed.includes(k) ? sideOf(view) / 2 + 3 : map.radius + 4;
  top.lineWidth = 3;
  top.strokeStyle = ink;
  if (map.placed.includes(k)) return top.strokeRect(px - half, py - half, 2 * half, 2 * half);
  top.beginPath();
  top.arc(px, py, half, 0, 2 * Math.PI);
  top.stroke();
}

let drawing = 0;
let resting = 0;
let asking = 0;
function moved() {
  hover(-1);
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    const start = performance.now();
    paint(fast, false);
    paintTop();
    names.draw(view);
    performance.clearMeasures("map");
    performance.measure("map", { start }); // one frame, for whoever wants to know
  });
  clearTimeout(resting);
  resting = setTimeout(rest, REST);
}

function moveSoon() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    paintTop();
  });
}

function rest() {
  view.settle();
  const [left, top_, right, bottom] = view.bounds;
  map.nInView = 0;
  for (const k of layout.index.within(left, top_, right, bottom)) if (!map.kept || map.kept[k]) map.nInView += 1;
  map.radius = radius();
  map.placed = map.photos ? placeCrops({ ...map, view, sheets: layout.sheets }) : [];
  paint(fine, true);
  paintTop();
  names.draw(view, { centres: map.placed.map((k) => view.toPixel(map.x[k], map.y[k])), half: sideOf(view) / 2 });
  clearTimeout(asking);
  asking = setTimeout(() => {
    writeAddress();
    listInView();
  }, ASK);
}

function recolour() {
  const name = form.elements.colour.value;
  sheet.classList.toggle("by-cluster", name === "cluster");
  const kind = name === "cluster" ? name : WORDS.includes(name) ? "word" : "number";
  const { hues } = sheet.dataset;
  map.colours = colourAll({ ...map, codes: columns.get(name), table: inksOf(kind, { inks, hues }), inks });
  map.stacked = stack(map.order, map.kept, map.chosen);
  map.sizes = columns.get(form.elements.size.value) ?? null;
}

function redraw() {
  recolour();
  rest();
}

function rethemed() {
  inks = readInks(canvases.fast);
  redraw();
}

const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function setStill(dark) {
  sheet.querySelector("source").remove();
  document.querySelector("#still").src = dark ? sheet.dataset.dark : sheet.dataset.light;
}

// Pointing at concepts

function at([px, py]) {
  const half = sideOf(view) / 2;
  const over = map.placed.find((k) => {
    const [cx, cy] = view.toPixel(map.x[k], map.y[k]);
    return Math.abs(cx - px) <= half && Math.abs(cy - py) <= half;
  });
  if (over !== undefined) return over;
  const [reach, found] = [Math.max(NEAR, map.radius + 3), { k: -1, away: Infinity }];
  for (const k of layout.index.within(...view.toMap(px - reach, py - reach), ...view.toMap(px + reach, py + reach))) {
    const [cx, cy] = view.toPixel(map.x[k], map.y[k]);
    const away = Math.hypot(cx - px, cy - py) + (map.kept && !map.kept[k] ? reach : 0);
    if (away <= reach && away < found.away) Object.assign(found, { k, away });
  }
  return found.k;
}

let pointing = 0;
function pointed(place) {
  hover(place && !map.tool ? at(place) : -1);
}

function hover(k) {
  if (k === map.hovered) return;
  map.hovered = k;
  sheet.classList.toggle("pointing", k >= 0);
  parts["hover-card"].hidden = true;
  moveSoon();
  clearTimeout(pointing);
  if (k >= 0) pointing = setTimeout(() => card(k), POINT);
}

async function card(k) {
  const text = await concept(part(`c/${k}`, lies())).catch(() => "");
  if (map.hovered !== k || !text) return;
  const box = parts["hover-card"];
  box.innerHTML = text;
  box.hidden = false;
  const [px, py] = view.toPixel(map.x[k], map.y[k]);
  const away = sideOf(view) / 2 + 10;
  const left = px + away + box.offsetWidth < view.width ? px + away : px - away - box.offsetWidth;
  const low = Math.max(view.height - box.offsetHeight - 4, 4);
  box.style.setProperty("--x", `${Math.max(left, 4)}px`);
  box.style.setProperty("--y", `${Math.min(Math.max(py - box.offsetHeight / 2, 4), low)}px`);
}

// Choosing

function picked(place, more) {
  const k = at(place);
  if (k < 0) return more || choose([]);
  const to = more ? new Set(map.chosen) : new Set();
  if (!to.delete(k)) to.add(k);
  choose([...to]);
}

function drawn(line, done) {
  map.line = map.tool === "rectangle" && line.length > 1 ? rectangle(line[0], line[1]) : line;
  if (done) {
    const polygon = simple(map.line).map((place) => view.toMap(...place).map(Math.round));
    map.line = null;
    setTool("");
    choose(inside(polygon, map), polygon);
  }
  moveSoon();
}

function chooseVisible() {
  const [left, top_, right, bottom] = view.bounds;
  const polygon = rectangle([left, top_].map(Math.round), [right, bottom].map(Math.round));
  choose(inside(polygon, map), polygon);
}

/** Select concepts; the corners are kept where there are more of them than an address holds. */
function choose(ids, polygon = null) {
  map.chosen = new Set(ids);
  map.area = polygon && ids.length > MOST ? polygon : null;
  redraw();
  showChosen();
}

function showChosen() {
  const ids = firstChosen();
  if (!map.chosen.size && !map.area) return show(parts.chosen, null);
  if (ids.length === 1 && !map.area) return show(parts.chosen, part(`c/${ids[0]}`, lies()));
  parts.chosen.querySelector(".told")?.replaceChildren(`${map.chosen.size.toLocaleString("en")} concepts selected`);
  show(parts.chosen, part("chosen", [...map.filter, ...look(), ...Object.entries(choiceInAddress())]));
}

const firstChosen = () => (map.chosen.size <= MOST ? [...map.chosen] : [...map.ranks].filter((k) => map.chosen.has(k)).slice(0, MOST));

function choiceInAddress() {
  if (map.area) return { area: written(map.area) };
  return map.chosen.size ? { select: firstChosen().join(",") } : {};
}

function takeChoice(asked) {
  const area = asked.get("area");
  if (area) map.area = read(area);
  map.chosen = new Set(area ? inside(map.area, map) : (asked.get("select") ?? "").split(",").filter(Boolean).map(Number));
}

function setTool(name) {
  map.tool = map.tool === name ? "" : name;
  sheet.classList.toggle("drawing", Boolean(map.tool));
  for (const id of ["lasso", "rectangle"]) document.querySelector(`#${id}`).setAttribute("aria-pressed", String(map.tool === id));
}

// Columns, filters, addresses

async function column(name) {
  if (!name || columns.has(name)) return;
  columns.set(name, (await loadChannels(sheet.dataset.channel.replace("NAME", encodeURIComponent(name))))[0]);
}

async function filterAgain() {
  if (![...map.filter.keys()].some((name) => name !== "sort")) return (map.kept = null);
  const answer = await fetch(`${sheet.dataset.mask}?${map.filter}`);
  if (answer.ok) map.kept = unpack(new Uint8Array(await answer.arrayBuffer()), map.n);
}

async function filtered() {
  await filterAgain();
  if (map.area) choose(inside(map.area, map), map.area);
  else redraw();
  showLegend();
}

const part = (name, more = {}) => withQuery(sheet.dataset.parts.replace("PART", name), more);

function withQuery(path, query) {
  const text = new URLSearchParams(query).toString().replaceAll("%2C", ",");
  return text ? `${path}?${text}` : path;
}

function look(layout_ = sheet.dataset.layout) {
  const colour = form.elements.colour.value;
  const asked = { layout: layout_ === "atoms" ? "" : layout_, colour: colour === "cluster" ? "" : colour, size: form.elements.size.value, photos: map.photos ? "" : "off" };
  return Object.entries(asked).filter(([, value]) => value);
}

const lies = () => look().filter(([name]) => name === "layout");

function seen() {
  return view.isWhole ? [] : [["x", view.x], ["y", view.y], ["zoom", view.zoom]];
}

function writeAddress() {
  const url = withQuery(location.pathname, [...map.filter, ...look(), ...seen(), ...Object.entries(choiceInAddress())]);
  if (url !== location.pathname + location.search) history.replaceState(history.state, "", url);
  document.querySelector("#to-grid").href = withQuery(sheet.dataset.grid, map.filter);
}

function showLegend() {
  if (form.elements.colour.value !== "cluster") import("./brush.js");
  show(parts.legend, part("legend", [...map.filter, ...look(), ...seen()]));
}

function listInView() {
  const [left, top_, right, bottom] = view.bounds.map((value) => Math.round(Math.min(Math.max(value, 0), 65535)));
  const [x, y] = sheet.dataset.axes.split(" ");
  const ranges = { [`${x}__gte`]: left, [`${x}__lte`]: right, [`${y}__gte`]: top_, [`${y}__lte`]: bottom };
  const query = new URLSearchParams([...map.filter, ...lies()]);
  if (!query.get("q") && !view.isWhole) for (const [name, value] of Object.entries(ranges)) query.append(name, value);
  document.querySelector("#in-view-title").textContent = query.get("q") ? "Found" : "In view";
  if (parts["in-view"].dataset.shown === String(query)) return;
  const first = parts["in-view"].dataset.shown === undefined;
  parts["in-view"].dataset.shown = String(query);
  if (!first) show(parts["in-view"], part("in-view", query));
}

// Another layout

let leaving = false;
async function layOut(name) {
  if (leaving || name === sheet.dataset.layout) return;
  leaving = true;
  if (map.area) choose(firstChosen());
  const url = withQuery(location.pathname, [...map.filter, ...look(name), ...Object.entries(choiceInAddress())]);
  const { loadLayout, travel } = await import("./map/travel.js");
  const { page, dataset, x, y } = await loadLayout(url);
  const from = layout;
  Object.assign(sheet.dataset, dataset);
  const to = layouts.get(name) ?? keep(x, y);
  takeParts(page);
  fly(WHOLE);
  map.placed = map.placed.filter((k) => to.has(k));
  travel(from, to, {
    still: still.matches,
    step: (lies) => {
      Object.assign(map, lies, { stacked: stack(lies.order, map.kept, map.chosen) });
      moved();
    },
    done: () => {
      leaving = false;
      settle(to);
      redraw();
      showLegend();
      showChosen();
    },
  });
}

/** What the server wrote of this layout: the notice, names, clusters, links. */
function takeParts(page) {
  for (const id of ["names", "map-says", "clusters"]) document.querySelector(`#${id}`).replaceChildren(...page.querySelector(`#${id}`).childNodes);
  for (const link of document.querySelectorAll("#layouts a")) {
    const now = page.querySelector(`#layouts [data-layout=${link.dataset.layout}]`);
    link.href = now.href;
    if (now.ariaCurrent) link.ariaCurrent = "true";
    else link.removeAttribute("aria-current");
  }
  names = new Names(document.querySelector("#names"));
  parts["in-view"].dataset.shown ??= ""; // what the page came with is of the layout before
}

// What stands around the sheet

function listenBeside() {
  const click = (id, act) => document.querySelector(`#${id}`).addEventListener("click", act);
  click("nearer", () => zoomBy(1.6));
  click("further", () => zoomBy(1 / 1.6));
  click("all", () => fly(WHOLE));
  click("lasso", () => setTool("lasso"));
  click("rectangle", () => setTool("rectangle"));
  click("visible", chooseVisible);
  addEventListener("keydown", ({ key }) => key === "Escape" && map.tool && setTool(""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    takeFields();
  });
  form.elements.q.addEventListener("input", takeSoon);
  addEventListener("change", ({ target }) => target.form === form && changed(target));
  for (const from of [".map", "#layouts"]) document.querySelector(from)?.addEventListener("click", clicked);
  document.querySelector(".beside-map").addEventListener("pointerover", ({ target }) => hintAt(target));
  document.querySelector(".beside-map").addEventListener("focusin", ({ target }) => hintAt(target));
  document.querySelector(".beside-map").addEventListener("pointerleave", () => hover(-1));
}

async function changed(field) {
  if (field.id === "photos") {
    map.photos = field.checked;
    return rest();
  }
  if (field.id !== "colour" && field.id !== "size") return takeFields();
  await column(field.value);
  redraw();
  showLegend();
}

let taking = 0;
function takeSoon() {
  clearTimeout(taking);
  taking = setTimeout(takeFields, 300);
}

/** The search field and the two fields of the legend become the filter. */
function takeFields() {
  const before = String(map.filter);
  for (const field of form.elements) {
    if (!field.name || field.type === "hidden" || OWN.includes(field.name)) continue;
    if (field.value.trim()) map.filter.set(field.name, field.value.trim());
    else map.filter.delete(field.name);
  }
  if (String(map.filter) !== before) filtered();
}

function clicked(event) {
  const link = event.target.closest("a, [data-clear]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { x, y } = link.dataset;
  const act =
    link.dataset.clear !== undefined ? () => choose([])
    : link.dataset.concept ? () => reveal(Number(link.dataset.concept))
    : link.dataset.filter !== undefined ? () => takeFilter(new URL(link.href).searchParams)
    : link.dataset.layout ? () => layOut(link.dataset.layout).catch(() => location.assign(link.href))
    : link.dataset.fly ? () => flyTo(...link.dataset.fly.split(",").map(Number))
    : x && link.closest("#names") ? () => flyTo(Number(x), Number(y))
    : null;
  if (!act) return;
  event.preventDefault();
  act();
}

function takeFilter(asked) {
  map.filter = new URLSearchParams([...asked].filter(([name]) => !OWN.includes(name)));
  form.elements.q.value = map.filter.get("q") ?? "";
  filtered();
}

function reveal(k) {
  choose([k]);
  parts.chosen.scrollIntoView({ block: "nearest" });
  if (!layout.has(k)) return;
  const [px, py] = view.toPixel(map.x[k], map.y[k]);
  if (px < 20 || py < 20 || px > view.width - 20 || py > view.height - 20) fly({ x: map.x[k], y: map.y[k], zoom: view.zoom });
}

function hintAt(target) {
  const link = target.closest?.("[data-concept]");
  const k = link ? Number(link.dataset.concept) : -1;
  if (k === map.hovered) return;
  map.hovered = k;
  moveSoon();
}

// Flying

const flyTo = (x, y) => fly({ x, y, zoom: Math.max(view.zoom, 4) });
const zoomBy = (factor) => {
  view.zoomAt(factor);
  moved();
};

function fly(to) {
  const [from, begin, ms] = [{ x: view.x, y: view.y, zoom: view.zoom }, performance.now(), still.matches ? 0 : 280];
  const step = (now) => {
    const part_ = ms ? Math.min((now - begin) / ms, 1) : 1;
    const eased = part_ * (2 - part_);
    for (const name of ["x", "y"]) view[name] = from[name] + (to[name] - from[name]) * eased;
    view.zoom = from.zoom * (to.zoom / from.zoom) ** eased;
    if (part_ === 1) Object.assign(view, to);
    moved();
    if (part_ < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

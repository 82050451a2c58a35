// How heat is drawn: a form whose values rewrite one filter's tables and a few attributes. No request, ever.
import { channel, contourLevels, coverAlpha, lineAlpha, names, stops, tintAlpha } from "./palettes.js";

const DEFAULTS = {
  heat: "1", mode: "tint", opacity: "65", threshold: "0", colour: "viridis", smooth: "1", scale: "concept", context: "photo", draw: "both",
};
const root = document.documentElement;
const form = document.querySelector("#heat-form");
let state = { ...DEFAULTS, ...stored(), ...asked() };

/** Draw with the current choices; also for parts of the page that came later. */
export function redraw() {
  if (form) fill(); // some fields lie in the parts that come later
  for (const name of ["heat", "mode", "smooth", "scale"]) root.dataset[name] = state[name];
  root.dataset.draw = form?.elements.draw ? state.draw : "both";
  root.style.setProperty("--heat-opacity", state.opacity / 100);
  drawTables();
  drawContext();
}

/** Move a slider by a number of its steps. */
export function nudge(name, steps) {
  const field = form?.elements[name];
  if (!field) return;
  field.value = Number(field.value) + steps * Number(field.step);
  take();
}

/** Take a choice that lies outside the form. */
export function choose(name, value) {
  state[name] = value;
  changed();
}

/** Start: fill the form, draw, listen. */
export function startHeat() {
  redraw();
  if (!form) return;
  writeAddress(); // what the storage remembers belongs to the address of this page, too
  addEventListener("input", ({ target }) => target.form === form && take()); // some fields lie outside the form
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    state = { ...DEFAULTS };
    fill();
    changed();
  });
  for (const type of ["keydown", "keyup"]) addEventListener(type, peek);
  addEventListener("blur", () => root.classList.remove("peek"));
}

/** The address with the choices that differ from the defaults. */
export function writeAddress() {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(DEFAULTS)) {
    if (state[name] === value) url.searchParams.delete(name);
    else url.searchParams.set(name, state[name]);
  }
  const address = url.search.replaceAll("%2C", ",");
  if (address === location.search) return;
  history.replaceState(history.state, "", url.pathname + address + url.hash);
}

function take() {
  const data = new FormData(form);
  for (const name of Object.keys(DEFAULTS)) {
    if (form.elements[name]) state[name] = data.get(name) ?? "0";
  }
  changed();
}

let waiting = 0;
let drawing = 0;
function changed() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    redraw();
  });
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    writeAddress();
    try {
      localStorage.setItem("heat", JSON.stringify(state));
    } catch {
      // No storage: the address still holds the choices.
    }
  }, 200);
}

function fill() {
  for (const [name, value] of Object.entries(state)) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.type === "checkbox") field.checked = value === "1";
    else field.value = value;
    if (field.type === "range") field.parentElement.querySelector("output").value = `${field.value}\u2009%`;
  }
}

function drawTables() {
  const [opacity, threshold] = [state.opacity / 100, state.threshold / 100];
  const outside = state.mode === "outside";
  for (const which of [0, 1, 2]) {
    const values = channel(state.colour, which);
    set(`[data-channel="${which}"]`, outside ? "0 0" : values);
    set(`[data-map="${which}"]`, values);
  }
  set('[data-table="alpha"]', outside ? coverAlpha(opacity, threshold) : tintAlpha(opacity, threshold));
  set('[data-table="levels"]', contourLevels(threshold));
  set('[data-table="lines"]', lineAlpha(opacity));
  const select = form?.elements.colour;
  if (select) select.title = stops(state.colour).join(" ");
}

/** Only what differs: a table that is written, even with what it has, has every picture under its filter drawn anew. */
function set(parts, values) {
  for (const part of document.querySelectorAll(parts)) {
    if (part.getAttribute("tableValues") !== values) part.setAttribute("tableValues", values);
  }
}

function drawContext() {
  for (const picture of document.querySelectorAll("svg[data-photo]")) {
    const box = state.context === "patch" ? picture.dataset.patch : picture.dataset.photo;
    if (picture.getAttribute("viewBox") !== box) picture.setAttribute("viewBox", box);
  }
  for (const link of document.querySelectorAll("[data-choose]")) {
    if (state[link.dataset.choose] === link.dataset.value) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function peek(event) {
  if (event.key !== "Shift" || event.target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), textarea")) return;
  root.classList.toggle("peek", event.type === "keydown");
}

function stored() {
  try {
    return known(JSON.parse(localStorage.getItem("heat") ?? "{}"));
  } catch {
    return {};
  }
}

function asked() {
  const values = known(Object.fromEntries(new URLSearchParams(location.search)));
  if (!names.includes(values.colour)) delete values.colour; // on a map it names a column
  return values;
}

function known(values) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name in DEFAULTS));
}

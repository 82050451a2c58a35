// A tile enlarged in a dialog: the whole photo with its heat, brightness and contrast, zoom, the value under the pointer.
import { greyOf, short } from "./readout.js";

const MOST = 12; // times
let dialog;
let tile;
let view; // {x, y, width, height} in thumbnail px

/** Show a tile; arrows go to the next ones of its list, Escape closes. */
export function open(one) {
  dialog ??= make();
  show(one);
  dialog.showModal();
  part("close").focus();
}

function make() {
  const box = document.createElement("dialog");
  box.className = "lightbox";
  box.setAttribute("aria-label", "Photo enlarged");
  box.innerHTML = `
    <div class="photo"></div>
    <p class="says" role="status"></p>
    <div class="acts">
      <button type="button" data-part="prev" aria-label="Previous photo">←</button>
      <button type="button" data-part="next" aria-label="Next photo">→</button>
      <label class="pick"><span>Brightness</span><input type="range" data-part="brightness" min="20" max="300" step="5" value="100"></label>
      <label class="pick"><span>Contrast</span><input type="range" data-part="contrast" min="20" max="300" step="5" value="100"></label>
      <button type="button" data-part="out" aria-label="Zoom out (−)">−</button>
      <output data-part="times">1×</output>
      <button type="button" data-part="in" aria-label="Zoom in (+)">+</button>
      <button type="button" data-part="reset">Reset</button>
      <a class="button" data-part="link">Image page</a>
      <button type="button" data-part="close">Close</button>
    </div>`;
  document.body.append(box);
  box.addEventListener("click", ({ target }) => act(target.dataset.part));
  box.addEventListener("input", tune);
  box.addEventListener("keydown", pressed);
  box.addEventListener("close", () => tile.querySelector("a").focus());
  const photo = box.querySelector(".photo");
  photo.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.25 : 0.8, at(event));
  }, { passive: false });
  photo.addEventListener("pointermove", moved);
  photo.addEventListener("pointerdown", ({ pointerId }) => photo.setPointerCapture(pointerId));
  return box;
}

const part = (name) => dialog.querySelector(`[data-part="${name}"]`);
const picture = () => dialog.querySelector("svg");

function show(one) {
  tile = one;
  const copy = one.querySelector("svg").cloneNode(true);
  for (const name of ["data-photo", "data-patch"]) copy.removeAttribute(name);
  dialog.querySelector(".photo").replaceChildren(copy);
  part("link").href = one.querySelector("a").href;
  const list = tiles();
  part("prev").disabled = list.indexOf(one) === 0;
  part("next").disabled = list.indexOf(one) === list.length - 1;
  reset();
  dialog.querySelector(".says").textContent = `${list.indexOf(one) + 1} of ${list.length}. ${copy.getAttribute("aria-label")}`;
}

const tiles = () => [...tile.parentElement.children];

function step(by) {
  const next = tiles()[tiles().indexOf(tile) + by];
  if (next) show(next);
}

const source = () => picture().querySelector("img, :scope > image");

function whole() {
  const [width, height] = ["width", "height"].map((name) => Number(source().getAttribute(name)));
  return { x: 0, y: 0, width, height };
}

function reset() {
  view = whole();
  for (const name of ["brightness", "contrast"]) part(name).value = 100;
  tune();
  draw();
}

function tune() {
  const [brightness, contrast] = ["brightness", "contrast"].map((name) => part(name).value / 100);
  source().style.filter = `brightness(${brightness}) contrast(${contrast})`;
}

function zoom(by, { x, y } = { x: view.x + view.width / 2, y: view.y + view.height / 2 }) {
  const all = whole();
  const width = Math.min(Math.max(view.width / by, all.width / MOST), all.width);
  const share = width / view.width;
  view = { x: x - (x - view.x) * share, y: y - (y - view.y) * share, width, height: view.height * share };
  draw();
}

function draw() {
  const all = whole();
  view.x = Math.min(Math.max(view.x, 0), all.width - view.width);
  view.y = Math.min(Math.max(view.y, 0), all.height - view.height);
  picture().setAttribute("viewBox", [view.x, view.y, view.width, view.height].join(" "));
  part("times").value = `${(all.width / view.width).toFixed(1)}×`;
}

function at({ clientX, clientY }) {
  return new DOMPoint(clientX, clientY).matrixTransform(picture().getScreenCTM().inverse());
}

async function moved(event) {
  if (event.buttons) {
    const scale = picture().getScreenCTM().a;
    view.x -= event.movementX / scale;
    view.y -= event.movementY / scale;
    return draw();
  }
  const heat = picture().querySelector(".heat image");
  const { x, y } = at(event);
  const [u, v] = [(x - heat.x.baseVal.value) / heat.width.baseVal.value, (y - heat.y.baseVal.value) / heat.height.baseVal.value];
  const says = dialog.querySelector(".says");
  if (u < 0 || u >= 1 || v < 0 || v >= 1) return (says.textContent = "Outside what the model saw");
  const grey = await greyOf(heat.href.baseVal);
  const [col, row] = [Math.floor(u * grey.width), Math.floor(v * grey.height)];
  const value = (grey.data[4 * (row * grey.width + col)] / 255) * Number(picture().dataset.scale);
  says.textContent = `Row ${row + 1}, column ${col + 1}: ${short(value)}`;
}

const ACTS = {
  prev: () => step(-1), next: () => step(1), in: () => zoom(1.5), out: () => zoom(1 / 1.5), reset, close: () => dialog.close(),
};
const KEYS = { ArrowLeft: "prev", ArrowRight: "next", "+": "in", "=": "in", "-": "out", 0: "reset", z: "close" };

const act = (name) => ACTS[name]?.();

function pressed(event) {
  if (event.target.type === "range" && event.key.startsWith("Arrow")) return;
  const name = KEYS[event.key];
  if (!name) return;
  event.preventDefault();
  act(name);
}

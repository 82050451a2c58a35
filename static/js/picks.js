// A rectangle drawn over a plot fills the four fields of a form and sends it; a click picks one cell.

const LEAST = 4; // user units below which a drag is a click

export function startPicks() {
  for (const plot of document.querySelectorAll("[data-picks]")) {
    plot.addEventListener("pointerdown", (event) => draw(plot, event));
    // Fields that are empty stay out of the address.
    document.getElementById(plot.dataset.picks).addEventListener("formdata", ({ formData }) => {
      for (const [name, value] of [...formData]) if (!value) formData.delete(name);
    });
  }
}

function draw(plot, event) {
  if (event.button || event.pointerType === "touch") return;
  event.preventDefault();
  const [x, y] = [scaleOf(plot.dataset.x), scaleOf(plot.dataset.y)];
  const from = placeOf(plot, event);
  const cell = event.target.closest(".cell");
  let to = from;
  plot.setPointerCapture(event.pointerId);
  plot.onpointermove = (move) => {
    to = placeOf(plot, move);
    show(plot, from, to, x, y);
  };
  plot.onpointerup = plot.onpointercancel = (end) => {
    plot.onpointermove = plot.onpointerup = plot.onpointercancel = null;
    if (end.type !== "pointerup") return;
    const drawn = Math.abs(to.x - from.x) >= LEAST && Math.abs(to.y - from.y) >= LEAST;
    const corners = drawn ? [from, to] : cell && cornersOf(cell);
    if (corners) fill(plot, x, y, corners);
  };
}

function placeOf(plot, { clientX, clientY }) {
  return new DOMPoint(clientX, clientY).matrixTransform(plot.getScreenCTM().inverse());
}

function cornersOf(cell) {
  const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => cell[name].baseVal.value);
  return [{ x, y: y + height }, { x: x + width, y }];
}

/** Between places and numbers of a logarithmic axis: ``start end low high``. */
function scaleOf(text) {
  const [start, end, low, high] = text.split(" ").map(Number);
  const share = (place) => Math.min(Math.max((place - start) / (end - start), 0), 1);
  return { clamp: (place) => start + share(place) * (end - start), number: (place) => low * (high / low) ** share(place) };
}

function show(plot, from, to, x, y) {
  let frame = plot.querySelector(".chosen");
  if (!frame) {
    frame = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    frame.classList.add("chosen");
    plot.append(frame);
  }
  const [left, right] = [x.clamp(from.x), x.clamp(to.x)].sort((a, b) => a - b);
  const [top, bottom] = [y.clamp(from.y), y.clamp(to.y)].sort((a, b) => a - b);
  for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) frame.setAttribute(name, value);
}

function fill(plot, x, y, corners) {
  const form = document.getElementById(plot.dataset.picks);
  const fields = form.querySelectorAll("input");
  const numbers = [x.number(corners[0].x), x.number(corners[1].x)].sort((a, b) => a - b);
  numbers.push(...[y.number(corners[0].y), y.number(corners[1].y)].sort((a, b) => a - b));
  numbers.forEach((number, place) => (fields[place].value = outward(number, place % 2 ? Math.ceil : Math.floor)));
  form.requestSubmit();
}

/** Three significant digits, rounded away from the interval, so that no edge value drops out. */
function outward(text, round) {
  const value = Number(text);
  if (!value) return "0";
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2);
  return String(Number((round(value / unit) * unit).toPrecision(4)));
}

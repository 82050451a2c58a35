// The grid of concepts: size of cards, brushing a facet's histogram.

const root = document.documentElement;

export function startGrid() {
  showSize();
  addEventListener("change", (event) => {
    if (!event.target.matches("[data-size]")) return;
    root.dataset.size = event.target.value;
    try {
      localStorage.setItem("size", event.target.value);
    } catch {
      // No storage: the choice holds for this page.
    }
  });
  addEventListener("pointerdown", brush);
}

/** Tell the swapped-in toolbar which size is chosen. */
export function showSize() {
  const field = document.querySelector(`input[data-size][value="${CSS.escape(root.dataset.size ?? "m")}"]`);
  if (field) field.checked = true;
}

function brush(event) {
  const plot = event.target.closest?.("[data-brush]");
  if (!plot || event.button) return;
  const bars = [...plot.querySelectorAll(".bar")];
  const from = barAt(plot, bars, event.clientX);
  let to = from;
  plot.setPointerCapture(event.pointerId);
  mark();
  plot.onpointermove = (move) => {
    to = barAt(plot, bars, move.clientX);
    mark();
  };
  plot.onpointerup = plot.onpointercancel = (end) => {
    plot.onpointermove = plot.onpointerup = plot.onpointercancel = null;
    if (end.type === "pointerup") fill(plot, bars[Math.min(from, to)], bars[Math.max(from, to)]);
  };
  function mark() {
    bars.forEach((bar, index) => bar.classList.toggle("brushed", index >= Math.min(from, to) && index <= Math.max(from, to)));
  }
}

function barAt(plot, bars, clientX) {
  const x = new DOMPoint(clientX, 0).matrixTransform(plot.getScreenCTM().inverse()).x;
  const after = bars.findIndex((bar) => x < bar.x.baseVal.value + bar.width.baseVal.value + 0.8);
  return after < 0 ? bars.length - 1 : after;
}

function fill(plot, first, last) {
  const [low, high] = plot.closest("fieldset").querySelectorAll("input");
  low.value = outward(first.dataset.low, Math.floor);
  high.value = outward(last.dataset.high, Math.ceil);
  high.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Three significant digits, rounded away from the interval, so that no edge value drops out. */
export function outward(text, round) {
  const value = Number(text);
  if (!value) return "0";
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2);
  return String(Number((round(value / unit) * unit).toPrecision(4)));
}

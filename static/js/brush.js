// <brush-plot>: pick a range of a histogram's bins by dragging, clicking a bar, or moving an edge with the arrow keys.
//
// data-edges: n + 1 numbers, data-counts: n counts, data-totals: n counts of everything (may be missing);
// data-low, data-high: names of the fields that hold the bounds; data-label: what is measured.
// The fields hear one "change" for each settled choice; others may listen to "brush" ({low, high, count}; nulls when cleared).

const SETTLED_MS = 450;
const TWICE_MS = 250; // a second click may follow
const numbers = (text) => (text ?? "").split(" ").filter(Boolean).map(Number);
const whole = (value) => value.toLocaleString("en");

class BrushPlot extends HTMLElement {
  connectedCallback() {
    this.read();
    if (!this.n || this.ready) return;
    this.ready = true;
    this.shade = [this.part("off before"), this.part("off after")];
    this.tip = this.part("tip");
    this.ends = [this.end("from", 0), this.end("up to", 1)];
    this.append(...this.shade, ...this.ends, this.tip);
    this.addEventListener("pointerdown", (event) => this.begin(event));
    this.addEventListener("pointermove", (event) => this.tell(event));
    this.addEventListener("pointerleave", () => (this.tip.textContent = ""));
    this.addEventListener("dblclick", () => this.choose([0, this.n]));
    this.draw();
  }

  read() {
    this.edges = numbers(this.dataset.edges);
    this.counts = numbers(this.dataset.counts);
    this.totals = numbers(this.dataset.totals);
    this.n = this.counts.length;
    if (!this.n) return;
    const isSettled = !this.dragged && String(this.range) === String(this.settled);
    this.settled = this.asked();
    if (isSettled) this.range = this.settled; // else a choice is on its way
  }

  /** After its attributes were written anew, and those of its fields. */
  renew() {
    queueMicrotask(() => {
      this.read();
      if (this.ready) this.draw();
    });
  }

  part(name) {
    const one = document.createElement("span");
    one.madeHere = true;
    one.className = name;
    one.ariaHidden = "true";
    return one;
  }

  end(word, side) {
    const one = this.part("end");
    one.removeAttribute("aria-hidden");
    one.id = `brush-${side ? this.dataset.high : this.dataset.low}`;
    one.tabIndex = 0;
    one.role = "slider";
    one.ariaLabel = `${this.dataset.label} ${word}`;
    one.ariaValueMin = 0;
    one.ariaValueMax = this.n;
    one.addEventListener("keydown", (event) => this.key(event, side));
    one.addEventListener("blur", () => this.dragged || this.settle());
    return one;
  }

  /** The fields that hold the bounds. */
  get fields() {
    const form = this.closest("form") ?? document;
    return [this.dataset.low, this.dataset.high].map((name) => form.querySelector(`[name="${CSS.escape(name)}"]`));
  }

  /** The bins that the fields ask for: the first edge and the last. */
  asked() {
    const [low, high] = this.fields.map((field) => (field?.value.trim() ? Number(field.value) : null));
    const from = low === null ? 0 : this.edges.findLastIndex((edge) => edge <= low);
    const to = high === null ? this.n : this.edges.findIndex((edge) => edge >= high);
    return [Math.min(Math.max(from, 0), this.n - 1), to < 1 ? this.n : to];
  }

  binAt(clientX) {
    const box = this.getBoundingClientRect();
    return Math.min(Math.max(Math.floor(((clientX - box.left) / box.width) * this.n), 0), this.n - 1);
  }

  begin(event) {
    if (event.button || this.dragged) return;
    const side = this.ends.indexOf(event.target);
    const start = this.binAt(event.clientX);
    if (side < 0) event.preventDefault();
    this.setPointerCapture(event.pointerId);
    clearTimeout(this.waiting);
    const move = ({ clientX }) => {
      const at = this.binAt(clientX);
      if (side < 0) this.show([Math.min(start, at), Math.max(start, at) + 1]);
      else this.show(this.moved(side, Math.round(((clientX - this.getBoundingClientRect().left) / this.clientWidth) * this.n)));
    };
    const stop = ({ type, clientX: x = event.clientX }) => {
      this.dragged.abort();
      this.dragged = null;
      if (type !== "pointerup") this.show(this.settled);
      else if (Math.abs(event.clientX - x) < 3) this.waiting = setTimeout(() => this.settle(), TWICE_MS);
      else this.settle();
    };
    this.dragged = new AbortController();
    const { signal } = this.dragged;
    this.addEventListener("pointermove", move, { signal });
    this.addEventListener("pointerup", stop, { signal });
    this.addEventListener("pointercancel", stop, { signal });
    addEventListener("keydown", (key) => key.key === "Escape" && (key.preventDefault(), stop(key)), { signal, capture: true });
    if (side < 0) move(event);
  }

  /** The range with one end at an edge; an end stops one bin before the other. */
  moved(side, edge) {
    const [from, to] = this.range;
    return side ? [from, Math.min(Math.max(edge, from + 1), this.n)] : [Math.max(Math.min(edge, to - 1), 0), to];
  }

  key(event, side) {
    const now = this.range[side];
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -4, PageUp: 4 };
    const to = { Home: 0, End: this.n }[event.key] ?? (event.key in steps ? now + steps[event.key] : null);
    if (event.key === "Escape") this.show(this.settled);
    else if (event.key === "Enter") this.settle();
    else if (to === null) return;
    else this.show(this.moved(side, to));
    event.preventDefault();
    event.stopPropagation();
    clearTimeout(this.waiting);
    if (to !== null) this.waiting = setTimeout(() => this.settle(), SETTLED_MS);
  }

  choose(range) {
    this.show(range);
    this.settle();
  }

  show(range) {
    this.range = range;
    this.draw();
  }

  /** Fill the fields, and say so once if anything changed. */
  settle() {
    clearTimeout(this.waiting);
    const [from, to] = this.range;
    if (from === this.settled[0] && to === this.settled[1]) return;
    this.settled = this.range;
    const bounds = [from ? this.edges[from] : null, to < this.n ? this.edges[to] : null];
    const fields = this.fields;
    fields.forEach((field, side) => field && (field.value = bounds[side] ?? ""));
    this.dispatchEvent(new CustomEvent("brush", { bubbles: true, detail: { low: bounds[0], high: bounds[1], count: this.kept() } }));
    fields.find(Boolean)?.dispatchEvent(new Event("change", { bubbles: true }));
  }

  kept([from, to] = this.range) {
    return this.counts.slice(from, to).reduce((sum, count) => sum + count, 0);
  }

  draw() {
    const [from, to] = this.range;
    const [left, right] = [from, to].map((edge) => `${((100 * edge) / this.n).toFixed(2)}%`);
    this.shade[0].style.right = `calc(100% - ${left})`;
    this.shade[1].style.left = this.ends[1].style.left = right;
    this.ends[0].style.left = left;
    this.classList.toggle("narrowed", from > 0 || to < this.n);
    const kept = `${whole(this.kept())} concepts from ${this.edges[from]} to ${this.edges[to]}`;
    this.ends.forEach((one, side) => {
      one.ariaValueNow = this.range[side];
      one.ariaValueText = `${this.edges[this.range[side]]}: ${kept}`;
    });
    const is_moved = this.dragged || this.contains(document.activeElement);
    this.tip.textContent = is_moved ? `${whole(this.kept())}: ${this.edges[from]} – ${this.edges[to]}` : "";
  }

  tell({ clientX }) {
    if (this.dragged) return;
    const at = this.binAt(clientX);
    const all = this.totals.length && this.totals[at] !== this.counts[at] ? ` of ${whole(this.totals[at])}` : "";
    this.tip.textContent = `${whole(this.counts[at])}${all}: ${this.edges[at]} – ${this.edges[at + 1]}`;
  }
}

if (!customElements.get("brush-plot")) customElements.define("brush-plot", BrushPlot);

// What is in view: a centre in map units and a zoom; places to pixels of the sheet and back.

const LARGEST = 65535;
const [WIDTH, HEIGHT, MARGIN] = [1000, 700, 0.035]; // of the picture, as the server has them (app/mapping/places.py)
const ZOOM_MAX = 64;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class View {
  constructor({ x, y, zoom }) {
    Object.assign(this, { x, y, zoom, width: 1, height: 1 });
  }

  resize(width, height) {
    Object.assign(this, { width, height });
  }

  /** Pixels per map unit, across and down. */
  get scale() {
    const one = (Math.min(this.width / WIDTH, this.height / HEIGHT) * this.zoom * (1 - 2 * MARGIN)) / LARGEST;
    return [one * WIDTH, one * HEIGHT];
  }

  toPixel(x, y) {
    const [sx, sy] = this.scale;
    return [this.width / 2 + (x - this.x) * sx, this.height / 2 + (y - this.y) * sy];
  }

  toMap(px, py) {
    const [sx, sy] = this.scale;
    return [this.x + (px - this.width / 2) / sx, this.y + (py - this.height / 2) / sy];
  }

  /** Left, top, right, bottom in map units. */
  get bounds() {
    return [...this.toMap(0, 0), ...this.toMap(this.width, this.height)];
  }

  move(dx, dy) {
    const [sx, sy] = this.scale;
    this.x = clamp(this.x - dx / sx, 0, LARGEST);
    this.y = clamp(this.y - dy / sy, 0, LARGEST);
  }

  /** Nearer by a factor, so that what is under a pixel stays there. */
  zoomAt(factor, px = this.width / 2, py = this.height / 2) {
    const before = this.toMap(px, py);
    this.zoom = clamp(this.zoom * factor, 1, ZOOM_MAX);
    const after = this.toMap(px, py);
    this.x = clamp(this.x + before[0] - after[0], 0, LARGEST);
    this.y = clamp(this.y + before[1] - after[1], 0, LARGEST);
    if (this.zoom === 1) this.whole();
  }

  whole() {
    Object.assign(this, { x: LARGEST / 2, y: LARGEST / 2, zoom: 1 });
  }

  /** To what an address can say, so that the same address shows the same pixels. */
  settle() {
    if (!this.isWhole) Object.assign(this, { x: Math.round(this.x), y: Math.round(this.y), zoom: Number(this.zoom.toPrecision(4)) });
  }

  get isWhole() {
    return this.zoom === 1 && this.x === LARGEST / 2 && this.y === LARGEST / 2;
  }
}

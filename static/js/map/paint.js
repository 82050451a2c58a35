// Dots: opaque squares or discs straight into pixels while the map moves, smooth ones when it rests.
import { ABSENT } from "./data.js";

const HUES = 10;
const RAMP = 8;
const CLASSES = 8; // of sizes
const PHASES = 4; // places within a pixel, each way
const SOFT = 0.85;

/** Colours of the page's style sheet as [red, green, blue], read again when the theme changes. */
export function readInks(probe) {
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  };
  return {
    paper: read("sheet"), dim: read("dim"), other: read("other"), mark: read("mark"), ink: read("ink"),
    hues: Array.from({ length: HUES }, (_, at) => read(`h${at}`)),
    ramp: Array.from({ length: RAMP }, (_, at) => read(`v${at}`)),
  };
}

const pack = ([r, g, b]) => (255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r);
const mix = (a, b, part) => a.map((value, i) => value + (b[i] - value) * part);

/** The colour of each code of a column. */
export function inksOf(kind, { inks, hues }) {
  if (kind === "number") return Array.from({ length: 256 }, (_, code) => (code === ABSENT ? inks.other : along(inks.ramp, code / 254)));
  if (kind === "cluster") return (code) => inks.hues[code < hues.length ? Number(hues[code]) : code % HUES];
  return Array.from({ length: 256 }, (_, code) => inks.hues[code] ?? inks.other);
}

function along(ramp, place) {
  const at = Math.min(Math.floor(place * (RAMP - 1)), RAMP - 2);
  return mix(ramp[at], ramp[at + 1], place * (RAMP - 1) - at);
}

/** Colour of each concept: its own where it meets the filter, faint where it is silent, the mark where it is chosen. */
export function colourAll({ codes, table, inks, kept, crops, chosen }) {
  const dim = pack(inks.dim);
  const [of, faint] = [new Map(), new Map()];
  const colours = new Int32Array(codes.length);
  for (let k = 0; k < codes.length; k += 1) {
    if (kept && !kept[k]) colours[k] = dim;
    else {
      const known = crops[k] ? of : faint;
      let colour = known.get(codes[k]);
      if (colour === undefined) {
        const plain = typeof table === "function" ? table(codes[k]) : table[codes[k]];
        known.set(codes[k], (colour = pack(crops[k] ? plain : mix(inks.paper, plain, 0.3))));
      }
      colours[k] = colour;
    }
  }
  for (const k of chosen ?? []) colours[k] = pack(inks.mark);
  return colours;
}

/** Concepts from below to above: those filtered out, the less important, the more important, the chosen. */
export function stack(order, kept, chosen) {
  const rank = (k) => (chosen?.has(k) ? 2 : !kept || kept[k] ? 1 : 0);
  const parts = [[], [], []];
  for (let at = order.length - 1; at >= 0; at -= 1) parts[rank(order[at])].push(order[at]);
  return Uint32Array.from(parts.flat());
}

/** Draws all dots into a canvas of this many pixels per CSS pixel. */
export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  resize(width, height, ratio) {
    this.ratio = ratio;
    this.canvas.width = Math.max(Math.round(width * ratio), 1);
    this.canvas.height = Math.max(Math.round(height * ratio), 1);
    this.image = new ImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Int32Array(this.image.data.buffer);
    this.bytes = this.image.data;
  }

  draw({ view, x, y, stacked, colours, paper, radius, sizes, smooth }) {
    const { width, height } = this.canvas;
    this.pixels.fill(pack(paper));
    const [sx, sy] = view.scale.map((one) => one * this.ratio);
    const [ox, oy] = [(view.width / 2) * this.ratio - view.x * sx, (view.height / 2) * this.ratio - view.y * sy];
    const stamps = makeStamps(radius * this.ratio, width, smooth, sizes);
    const edge = stamps[CLASSES - 1].reach;
    for (const k of stacked) {
      const [px, py] = [ox + x[k] * sx, oy + y[k] * sy];
      const [col, row] = [px | 0, py | 0];
      if (px < edge || py < edge || col >= width - edge || row >= height - edge) continue;
      const stamp = stamps[sizes ? (sizes[k] === ABSENT ? 0 : sizes[k] >> 5) : 2];
      if (smooth) this.#blend(stamp, px, py, colours[k]);
      else for (const step of stamp.steps) this.pixels[row * width + col + step] = colours[k];
    }
    this.context.putImageData(this.image, 0, 0);
  }

  #blend(stamp, px, py, colour) {
    const [col, row] = [px | 0, py | 0];
    const phase = (((py - row) * PHASES) | 0) * PHASES + (((px - col) * PHASES) | 0);
    const { steps, covers } = stamp.phases[phase];
    const start = row * this.canvas.width + col;
    const [r, g, b] = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
    for (let i = 0; i < steps.length; i += 1) {
      const at = (start + steps[i]) * 4;
      const cover = covers[i];
      this.bytes[at] += (r - this.bytes[at]) * cover;
      this.bytes[at + 1] += (g - this.bytes[at + 1]) * cover;
      this.bytes[at + 2] += (b - this.bytes[at + 2]) * cover;
    }
  }
}

let kept = {};
/** Which pixels a dot of each size class covers, relative to its own; equal dots have the size of class 2. */
function makeStamps(radius, width, smooth, sizes) {
  const key = `${radius.toFixed(2)} ${width} ${smooth} ${Boolean(sizes)}`;
  if (kept.key === key) return kept.stamps;
  const stamps = Array.from({ length: CLASSES }, (_, at) => {
    const own = sizes ? radius * (0.6 + 0.2 * at) : radius;
    const reach = Math.max(Math.ceil(own) + 1, 2);
    return smooth ? { reach, phases: phasesOf(own, reach, width) } : { reach, steps: discOf(Math.max(own, 1.5), reach, width) };
  });
  kept = { key, stamps };
  return stamps;
}

function discOf(radius, reach, width) {
  const steps = [];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) if (Math.hypot(dx, dy) <= Math.max(radius, Math.SQRT2)) steps.push(dy * width + dx);
  }
  return Int32Array.from(steps);
}

function phasesOf(radius, reach, width) {
  return Array.from({ length: PHASES * PHASES }, (_, phase) => {
    const [fx, fy] = [((phase % PHASES) + 0.5) / PHASES, (Math.floor(phase / PHASES) + 0.5) / PHASES];
    const [steps, covers] = [[], []];
    for (let dy = -reach; dy <= reach; dy += 1) {
      for (let dx = -reach; dx <= reach; dx += 1) {
        const cover = Math.min(Math.max(radius + 0.5 - Math.hypot(dx + 0.5 - fx, dy + 0.5 - fy), 0), 1) * SOFT;
        if (cover > 0.02) {
          steps.push(dy * width + dx);
          covers.push(cover);
        }
      }
    }
    return { steps: Int32Array.from(steps), covers: Float32Array.from(covers) };
  });
}

// What the map is drawn from: columns of small numbers (docs/map.md), their order, sheets of crops, an index of places.

export const ABSENT = 255;
const PER_SHEET = 64;
const DEEPEST = 12;
const CELLS = 64;

/** The columns of a file of channels, as typed arrays that lie in it. */
export async function loadChannels(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  const file = await answer.arrayBuffer();
  const view = new DataView(file);
  const [n, many] = [view.getUint32(8, true), view.getUint32(12, true)];
  let at = 16 + filled(many);
  return Array.from({ length: many }, (_, index) => {
    const width = view.getUint8(16 + index);
    const codes = width === 2 ? new Uint16Array(file, at, n) : new Uint8Array(file, at, n);
    at += filled(n * width);
    return codes;
  });
}

const filled = (length) => Math.ceil(length / 4) * 4;

/** Bits, the lowest of each byte first, as bytes of 0 and 1. */
export const unpack = (bits, n) => Uint8Array.from({ length: n }, (_, k) => (bits[k >> 3] >> (k & 7)) & 1);

/** Concepts from the most important on; equal and absent ones by index, last. */
export function byImportance(codes) {
  const key = (k) => (codes[k] === ABSENT ? -1 : codes[k]);
  return Uint32Array.from(codes.keys()).sort((a, b) => key(b) - key(a) || a - b);
}

/** Sheet and slot of each concept's crop: the first square of the pyramid, in order of importance, with a free slot. */
export function makeLevels({ x, y, crops, order }) {
  const sheets = new Array(x.length);
  const taken = new Map();
  for (const k of order) {
    for (let level = 0; crops[k] && level <= DEEPEST; level += 1) {
      const place = `${level}/${x[k] >> (16 - level)}/${y[k] >> (16 - level)}`;
      const slot = taken.get(place) ?? 0;
      if (slot === PER_SHEET) continue;
      taken.set(place, slot + 1);
      sheets[k] = { place, slot, level };
      break;
    }
  }
  return sheets;
}

/** An index of places: 64 x 64 cells over the map, the members of each in a row. */
export class Index {
  constructor(x, y, order) {
    const cell = (k) => (y[k] >> 10) * CELLS + (x[k] >> 10);
    this.start = new Uint32Array(CELLS * CELLS + 1);
    for (const k of order) this.start[cell(k) + 1] += 1;
    for (let c = 0; c < CELLS * CELLS; c += 1) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    this.members = new Uint32Array(order.length);
    for (const k of order) this.members[next[cell(k)]++] = k;
  }

  /** Concepts in the cells that touch a rectangle in map units. */
  *within(left, top, right, bottom) {
    const clip = (value) => Math.min(Math.max(Math.floor(value) >> 10, 0), CELLS - 1);
    for (let row = clip(top); row <= clip(bottom); row += 1) {
      const [from, to] = [this.start[row * CELLS + clip(left)], this.start[row * CELLS + clip(right) + 1]];
      for (let at = from; at < to; at += 1) yield this.members[at];
    }
  }
}

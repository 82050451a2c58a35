// Crops on the map: the most important concepts first, none over another; sheets come when they are wanted.

const SIDE = 64; // of a crop on its sheet
const PER_ROW = 8;
const MOST = 320;
const AT_ONCE = 3; // sheets, so that other requests come through
const CROWD = 1500; // concepts in view above which crops keep more and more distance, so that dots stay visible

/** Loads sheets, each once, and says when one has come. */
export class Sheets {
  constructor(url, arrived) {
    Object.assign(this, { url, arrived, found: new Map(), coming: 0 });
  }

  get(place) {
    const found = this.found.get(place);
    if (found !== undefined || this.coming === AT_ONCE) return found ?? null;
    this.found.set(place, null);
    this.coming += 1;
    const picture = new Image();
    picture.decoding = "async";
    picture.src = this.url.replace("LEVEL/COL/ROW", place);
    const came = () => {
      this.coming -= 1;
      this.arrived();
    };
    picture.decode().then(() => this.found.set(place, picture), () => this.found.set(place, null)).then(came);
    return null;
  }
}

/** Side of a crop in CSS pixels. */
export const sideOf = (view) => Math.round(Math.min(Math.max(42 * view.zoom ** 0.22, 36), 72) * (view.width < 500 ? 0.8 : 1));

/**
 * The crops that have room, in the order of importance; places do not depend on where the view is, so none jumps.
 * Each doubling of the zoom brings one more level of sheets: the whole map needs one.
 */
export function placeCrops({ view, x, y, order, kept, sheets, nInView }) {
  const deepest = Math.round(Math.log2(view.zoom));
  const side = sideOf(view);
  const gap = side * (nInView <= CROWD ? 1.08 : Math.min(1.08 + 0.9 * Math.log2(nInView / CROWD), 4));
  const [sx, sy] = view.scale;
  const [left, top, right, bottom] = widened(view.bounds);
  const cells = new Map();
  const placed = [];
  for (const k of order) {
    if (!(sheets[k]?.level <= deepest) || (kept && !kept[k]) || x[k] < left || x[k] > right || y[k] < top || y[k] > bottom) continue;
    const [px, py] = [x[k] * sx, y[k] * sy];
    if (!take(cells, px, py, gap)) continue;
    placed.push(k);
    if (placed.length === MOST) break;
  }
  return placed;
}

function widened([left, top, right, bottom]) {
  const [w, h] = [(right - left) / 2, (bottom - top) / 2];
  return [left - w, top - h, right + w, bottom + h];
}

function take(cells, px, py, gap) {
  const [col, row] = [Math.floor(px / gap), Math.floor(py / gap)];
  for (let r = row - 1; r <= row + 1; r += 1) {
    for (let c = col - 1; c <= col + 1; c += 1) {
      const other = cells.get(r * 65536 + c);
      if (other && Math.abs(other[0] - px) < gap && Math.abs(other[1] - py) < gap) return false;
    }
  }
  cells.set(row * 65536 + col, [px, py]);
  return true;
}

/** Draws placed crops with a frame in the colour of their dot; those whose sheet is still to come are left as dots. */
export function drawCrops(context, { view, x, y, placed, photo, colours, paper, chosen, mark }) {
  const side = sideOf(view);
  const [sx, sy] = view.scale;
  const [ox, oy] = [view.width / 2 - view.x * sx, view.height / 2 - view.y * sy];
  for (const k of placed) {
    const [left, top] = [Math.round(ox + x[k] * sx - side / 2), Math.round(oy + y[k] * sy - side / 2)];
    if (left > view.width || top > view.height || left < -side || top < -side) continue;
    const found = photo(k);
    if (!found) continue;
    const { picture, slot } = found;
    const frame = chosen?.has(k) ? 4 : 2;
    context.fillStyle = paper;
    context.fillRect(left - frame - 1, top - frame - 1, side + 2 * frame + 2, side + 2 * frame + 2);
    context.fillStyle = chosen?.has(k) ? mark : css(colours[k]);
    context.fillRect(left - frame, top - frame, side + 2 * frame, side + 2 * frame);
    context.drawImage(picture, (slot % PER_ROW) * SIDE, Math.floor(slot / PER_ROW) * SIDE, SIDE, SIDE, left, top, side, side);
  }
}

const css = (colour) => `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;

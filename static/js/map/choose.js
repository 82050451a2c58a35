// Drawing around concepts: a lasso or a rectangle, in map units; which concepts lie inside.

const MOST_CORNERS = 60;

/** Which of all concepts that meet the filter lie inside a polygon (corners in map units). */
export function inside(corners, { x, y, kept, order }) {
  const found = [];
  const xs = corners.map(([cx]) => cx);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  for (const k of order) {
    if (x[k] >= left && x[k] <= right && (!kept || kept[k]) && holds(corners, x[k], y[k])) found.push(k);
  }
  return found.sort((a, b) => a - b);
}

function holds(corners, x, y) {
  let is = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i, i += 1) {
    const [[ax, ay], [bx, by]] = [corners[j], corners[i]];
    if (ay > y !== by > y && x < ax + ((y - ay) * (bx - ax)) / (by - ay)) is = !is;
  }
  return is;
}

/** The upright rectangle between two places. */
export const rectangle = ([ax, ay], [bx, by]) => [[Math.min(ax, bx), Math.min(ay, by)], [Math.max(ax, bx), Math.min(ay, by)], [Math.max(ax, bx), Math.max(ay, by)], [Math.min(ax, bx), Math.max(ay, by)]];

/** A drawn line with so few corners that it fits into an address. */
export function simple(corners) {
  const step = Math.max(1, corners.length / MOST_CORNERS);
  return Array.from({ length: Math.min(corners.length, MOST_CORNERS) }, (_, at) => corners[Math.floor(at * step)]);
}

/** As an address has it. */
export const written = (corners) => corners.map((corner) => corner.map((value) => Math.min(Math.max(Math.round(value), 0), 65535)).join(".")).join(",");

export const read = (text) => text.split(",").map((corner) => corner.split(".").map(Number));

/** The line while it is drawn. */
export function drawLine(context, pixels, ink) {
  if (pixels.length < 2) return;
  context.beginPath();
  for (const [px, py] of pixels) context.lineTo(px, py);
  context.closePath();
  context.lineWidth = 2;
  context.strokeStyle = ink;
  context.globalAlpha = 0.12;
  context.fillStyle = ink;
  context.fill();
  context.globalAlpha = 1;
  context.stroke();
}

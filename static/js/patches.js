// Reads the codes of an image's patches: {rows, cols, n_top, concepts, max, index, values}; see app/views/images.py.

/** One concept's map: Uint8 values row by row (255 = its largest code here) and that code. */
export function mapOf(patches, position) {
  const n = patches.rows * patches.cols;
  const codes = new Float64Array(n);
  patches.index.forEach((owner, slot) => {
    if (owner === position) codes[Math.floor(slot / patches.n_top)] = patches.values[slot];
  });
  const scale = Math.max(...codes);
  return { map: Uint8ClampedArray.from(codes, (code) => (scale ? Math.round((255 * code) / scale) : 0)), scale };
}

/** What each patch of a concept, or of all concepts together (null), adds to the score: {shades -127 to 127, scale}. */
export function signedOf(patches, position) {
  if (position === null) return { shades: patches.total, scale: patches.total_scale };
  const shades = Array(patches.rows * patches.cols).fill(0);
  patches.index.forEach((owner, slot) => {
    if (owner === position) shades[Math.floor(slot / patches.n_top)] += patches.parts[slot];
  });
  return { shades, scale: patches.part_scale[position] };
}

/** Contributions of a patch's concepts, those that add first: [{position, part}]. */
export function partsOn(patches, index) {
  const found = [];
  for (let slot = index * patches.n_top; slot < (index + 1) * patches.n_top; slot += 1) {
    const position = patches.index[slot];
    if (position >= 0) found.push({ position, part: (patches.parts[slot] / 127) * patches.part_scale[position], code: patches.values[slot] });
  }
  return found.sort((a, b) => b.part - a.part);
}

/** The shade of 0 in a map with signs is 128. */
export const toShades = (shades) => Uint8ClampedArray.from(shades, (value) => 128 + value);

/**
 * The concepts that own most patches, and the owner of each patch among them. A patch belongs to the concept with the
 * largest code relative to that concept's own max: argmax over k of z_k / max_k.
 */
export function segmentsOf(patches, most) {
  const n = patches.rows * patches.cols;
  const owners = Array(n).fill(-1);
  const shares = Array(n).fill(0);
  patches.index.forEach((position, slot) => {
    if (position < 0) return;
    const [patch, share] = [Math.floor(slot / patches.n_top), patches.values[slot] / (patches.max[position] || 1)];
    if (share > shares[patch]) [owners[patch], shares[patch]] = [position, share];
  });
  const tally = new Map();
  owners.forEach((position, patch) => {
    if (position < 0) return;
    const one = tally.get(position) ?? { position, n: 0, peak: patch };
    one.n += 1;
    if (shares[patch] > shares[one.peak]) one.peak = patch;
    tally.set(position, one);
  });
  const top = [...tally.values()].sort((a, b) => b.n - a.n || a.position - b.position).slice(0, most);
  const place = new Map(top.map((one, index) => [one.position, index]));
  return { owner: owners.map((position) => place.get(position) ?? -1), top };
}

/** A grey map as a data: address, one pixel per patch. */
export function toAddress(map, { rows, cols }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [cols, rows];
  const context = canvas.getContext("2d");
  const picture = context.createImageData(cols, rows);
  map.forEach((value, index) => picture.data.set([value, value, value, 255], 4 * index));
  context.putImageData(picture, 0, 0);
  return canvas.toDataURL("image/png");
}

// Concepts of several dictionaries on the same photos: one cursor over all tiles of a photo, and the value of each.
import { greyOf, hide, say, short } from "./readout.js";

export function startPairs() {
  addEventListener("pointermove", follow, { passive: true });
}

async function follow({ target, clientX, clientY, pointerType }) {
  const linked = pointerType === "touch" ? null : target.closest?.(".linked");
  const here = target.closest?.("svg");
  const tiles = linked && here ? tilesOf(linked, here) : [];
  for (const other of document.querySelectorAll("svg.pointed")) if (!tiles.includes(other)) other.classList.remove("pointed");
  if (!tiles.length) return;
  const at = new DOMPoint(clientX, clientY).matrixTransform(here.getScreenCTM().inverse());
  for (const tile of tiles) {
    tile.classList.add("pointed");
    const cursor = tile.querySelector(".cursor");
    cursor.setAttribute("cx", at.x);
    cursor.setAttribute("cy", at.y);
  }
  const values = await Promise.all(tiles.map((tile) => valueAt(tile, at)));
  if (!tiles[0].classList.contains("pointed")) return hide();
  say(values.join("  ·  "), clientX + 12, clientY + 14);
}

/** The tiles of the photo that is pointed at: all of them, where there is but one photo. */
function tilesOf(linked, here) {
  const same = here.dataset.same;
  return [...linked.querySelectorAll(same ? `svg[data-same="${CSS.escape(same)}"]` : "svg:has(.cursor)")];
}

async function valueAt(tile, at) {
  const heat = tile.querySelector(".heat image");
  if (!heat) return "not recorded";
  const [left, top, width, height] = ["x", "y", "width", "height"].map((name) => heat[name].baseVal.value);
  const [u, v] = [(at.x - left) / width, (at.y - top) / height];
  if (u < 0 || u >= 1 || v < 0 || v >= 1) return "not seen";
  const grey = await greyOf(heat.href.baseVal);
  const [col, row] = [Math.floor(u * grey.width), Math.floor(v * grey.height)];
  return short((grey.data[4 * (row * grey.width + col)] / 255) * Number(tile.dataset.scale));
}

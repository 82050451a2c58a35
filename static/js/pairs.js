// Pairs of concepts on the same photos: one cursor over both, and their difference instead of the second one.
import { greyOf, hide, say, short } from "./readout.js";

export function startPairs() {
  addEventListener("pointermove", follow, { passive: true });
}

async function follow({ target, clientX, clientY, pointerType }) {
  const linked = pointerType === "touch" ? null : target.closest?.(".linked");
  for (const other of document.querySelectorAll(".linked.on")) if (other !== linked) other.classList.remove("on");
  const here = target.closest?.("svg");
  if (!linked || !here) return;
  const at = new DOMPoint(clientX, clientY).matrixTransform(here.getScreenCTM().inverse());
  linked.classList.add("on");
  const tiles = [...linked.querySelectorAll("svg[data-scale]")];
  for (const cursor of linked.querySelectorAll(".cursor")) {
    cursor.setAttribute("cx", at.x);
    cursor.setAttribute("cy", at.y);
  }
  const values = await Promise.all(tiles.map((tile) => valueAt(tile, at)));
  if (!linked.classList.contains("on")) return hide();
  say(values.map((value) => (value === null ? "not seen" : short(value))).join("  ·  "), clientX + 12, clientY + 14);
}

async function valueAt(tile, at) {
  const heat = tile.querySelector(".heat image");
  const [left, top, width, height] = ["x", "y", "width", "height"].map((name) => heat[name].baseVal.value);
  const [u, v] = [(at.x - left) / width, (at.y - top) / height];
  if (u < 0 || u >= 1 || v < 0 || v >= 1) return null;
  const grey = await greyOf(heat.href.baseVal);
  const [col, row] = [Math.floor(u * grey.width), Math.floor(v * grey.height)];
  return (grey.data[4 * (row * grey.width + col)] / 255) * Number(tile.dataset.scale);
}

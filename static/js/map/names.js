// Names of clusters: text of the page, moved along with the map; of two that meet the larger cluster's stays.

const [LETTER, LINE] = [7.6, 22];
const NARROW = 500; // where a name goes rather than lie over a crop
/** Where a name may stand from its cluster's middle, the nearest first: [right, down]. */
const BESIDE = [-80, -40, 0, 40, 80].flatMap((right) => [-48, -32, -16, 0, 16, 32, 48].map((down) => [right, down])).sort((a, b) => Math.hypot(...a) - Math.hypot(...b));

export class Names {
  constructor(svg) {
    svg.removeAttribute("viewBox");
    this.all = [...svg.querySelectorAll("a")].map((link) => {
      const text = link.querySelector("text");
      text.removeAttribute("x");
      text.removeAttribute("y");
      const { x, y, n } = link.dataset;
      return { link, text, x: Number(x), y: Number(y), n: Number(n), letters: text.textContent.length, isPlain: link.classList.contains("plain") || Boolean(link.dataset.wide), by: [0, 0] };
    });
    this.most = Math.max(...this.all.map((one) => (one.isPlain ? 0 : one.n)), 1);
  }

  /** Everything to its place; which of them show, and where beside the crops, is decided anew when the map rests. */
  draw(view, crops) {
    if (crops) this.#settle(view, crops);
    for (const one of this.all) {
      if (one.off) continue;
      const [px, py] = view.toPixel(one.x, one.y);
      one.link.setAttribute("transform", `translate(${(px + one.by[0]).toFixed(1)} ${(py + one.by[1]).toFixed(1)})`);
    }
  }

  #settle(view, { centres, half: side }) {
    const taken = [];
    for (const one of this.all) {
      const size = 12 + 4 * Math.sqrt(Math.min(one.n / this.most, 1)) + Math.min(Math.log2(view.zoom), 3);
      const half = (one.letters * LETTER * size) / 26;
      const [px, py] = view.toPixel(one.x, one.y);
      const clears = ([right, down], x, y, w, h) => Math.abs(x - px - right) > w + half || Math.abs(y - py - down) > h;
      const isInside = ([right, down]) => px + right > half && px + right < view.width - half && py + down > LINE / 2 && py + down < view.height - LINE / 2;
      const isFree = (by) => isInside(by) && taken.every(([x, y, w]) => clears(by, x, y, w, LINE));
      const isClear = (by) => centres.every(([x, y]) => clears(by, x, y, side, side + LINE / 2));
      const free = !one.isPlain && isInside([0, 0]) ? BESIDE.filter(isFree) : [];
      const by = free.find(isClear) ?? (view.width < NARROW ? undefined : free[0]);
      one.off = !by;
      one.by = by ?? [0, 0];
      if (!one.off) taken.push([px + one.by[0], py + one.by[1], half]);
      one.link.classList.toggle("off", one.off);
      one.text.style.fontSize = `${size.toFixed(1)}px`;
    }
  }
}

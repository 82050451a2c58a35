// A layout: where concepts lie by one measure, and what follows from that.
import { Index, makeLevels } from "./data.js";
import { Sheets } from "./photos.js";

const NOWHERE = 65535;

/** Places with what follows from them alone; concepts without a place are left out of the order. */
export class Layout {
  constructor(x, y, { order, crops, sheet, arrived }) {
    Object.assign(this, { x, y, order: order.filter((k) => x[k] !== NOWHERE) });
    this.index = new Index(x, y, this.order);
    this.sheets = makeLevels({ x, y, crops, order: this.order });
    this.loader = new Sheets(sheet, arrived);
  }

  has(k) {
    return k >= 0 && this.x[k] !== NOWHERE;
  }

  /** The crop of a concept: its sheet and slot, asked for where it has not come yet. */
  photo(k) {
    const at = this.sheets[k];
    const picture = at && this.loader.get(at.place);
    return picture ? { picture, slot: at.slot } : null;
  }
}

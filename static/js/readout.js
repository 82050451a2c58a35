// Value under the pointer, or at the peak of the focused tile: decoded from the very picture that is shown.

const box = document.querySelector("#readout");
const decoded = new Map();

/** Start listening on all pictures with heat, present and future. */
export function startReadout() {
  addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") follow(event);
  }, { passive: true });
  addEventListener("focusin", (event) => {
    const picture = event.target.closest?.("a")?.querySelector("svg[data-scale]");
    const value = picture && picture.closest("[data-value]")?.dataset.value;
    if (!value || !event.target.matches(":focus-visible")) return hide();
    const frame = picture.getBoundingClientRect();
    say(`peak ${short(Number(value))}`, frame.left + 4, frame.top + 4);
  });
  addEventListener("scroll", hide, { passive: true });
}

/** Grey values of a picture: {width, height, data}; each picture is decoded once. */
export function greyOf(address) {
  if (!decoded.has(address)) decoded.set(address, decode(address));
  return decoded.get(address);
}

async function decode(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { width: canvas.width, height: canvas.height, data };
}

async function follow({ target, clientX, clientY }) {
  if (target.closest?.(".linked")) return;
  const tile = target.closest?.("svg[data-scale]");
  const sprite = target.closest?.(".sprite:not(.one)");
  if (tile) return readTile(tile, clientX, clientY);
  if (sprite) return readSprite(sprite, clientX, clientY);
  if (!target.closest?.("#stage")) hide();
}

async function readTile(tile, x, y) {
  const heat = tile.querySelector(".heat image");
  const at = new DOMPoint(x, y).matrixTransform(tile.getScreenCTM().inverse());
  const [left, top, width, height] = ["x", "y", "width", "height"].map((name) => heat[name].baseVal.value);
  const [u, v] = [(at.x - left) / width, (at.y - top) / height];
  if (u < 0 || u >= 1 || v < 0 || v >= 1) return say("outside what the model saw", x + 12, y + 14);
  const grey = await greyOf(heat.href.baseVal);
  const [col, row] = [Math.floor(u * grey.width), Math.floor(v * grey.height)];
  const value = (grey.data[4 * (row * grey.width + col)] / 255) * Number(tile.dataset.scale);
  say(`row ${row + 1}, column ${col + 1}: ${short(value)}`, x + 12, y + 14);
}

async function readSprite(sprite, x, y) {
  const heat = sprite.querySelector("img.heat");
  if (!heat?.complete || !heat.naturalWidth) return;
  const frame = sprite.getBoundingClientRect();
  const [u, v] = [(x - frame.left) / frame.width, (y - frame.top) / frame.height];
  if (u < 0 || u >= 1 || v < 0 || v >= 1) return;
  const grey = await greyOf(heat.src);
  const index = Math.floor(v * grey.height) * grey.width + Math.floor(u * grey.width);
  const number = 3 * Math.floor(3 * v) + Math.floor(3 * u) + 1;
  say(`example ${number}: ${short((grey.data[4 * index] / 255) * Number(sprite.dataset.max))}`, x + 12, y + 14);
}

/** Three significant digits. */
export function short(value) {
  if (value === 0) return "0";
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** The same with its sign. */
export function signed(value) {
  return `${value > 0 ? "+" : value < 0 ? "\u2212" : ""}${short(Math.abs(value))}`;
}

export function say(text, x, y) {
  box.textContent = text;
  box.hidden = false;
  box.style.setProperty("--x", `${Math.min(x, innerWidth - box.offsetWidth - 8)}px`);
  box.style.setProperty("--y", `${Math.min(y, innerHeight - box.offsetHeight - 8)}px`);
}

export function hide() {
  box.hidden = true;
}

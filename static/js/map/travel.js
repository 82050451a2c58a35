// From one layout to another: loaded when it is first asked for.
import { loadChannels } from "./data.js";

const MOVE = 420; // ms

/** The same page in another layout, as a document, and the places that it names. */
export async function loadLayout(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const { dataset } = page.querySelector("#map");
  const [x, y] = await loadChannels(dataset.channel.replace("NAME", "x,y"));
  return { page, dataset, x, y };
}

/** From one layout to the other in steps; those that lie in both move, the others leave at the start or come at the end. */
export function travel(from, to, { step, done, still }) {
  const order = to.order.filter((k) => from.has(k));
  const [x, y] = [new Float32Array(to.x.length), new Float32Array(to.x.length)];
  const begin = performance.now();
  const frame = (now) => {
    const part = still ? 1 : Math.min((now - begin) / MOVE, 1);
    if (part === 1) return done();
    const eased = part * part * (3 - 2 * part);
    for (const k of order) {
      x[k] = from.x[k] + (to.x[k] - from.x[k]) * eased;
      y[k] = from.y[k] + (to.y[k] - from.y[k]) * eased;
    }
    step({ x, y, order });
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

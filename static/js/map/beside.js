// What stands beside the map and is written by the server: parts are asked for by address, the last asked for wins.

const waiting = new Map();
const concepts = new Map();

/** A part of the map into an element of the page; with an address of null it is emptied and hidden. */
export async function show(target, url) {
  waiting.get(target)?.abort();
  if (!url) {
    target.hidden = true;
    return target.replaceChildren();
  }
  const asking = new AbortController();
  waiting.set(target, asking);
  try {
    target.innerHTML = await text(url, asking.signal);
    target.hidden = false;
  } catch (fault) {
    if (fault.name === "AbortError") return;
    target.hidden = false;
    target.innerHTML = '<div class="problem" role="alert">The server did not answer. Move the map or load the page again.</div>';
  }
}

/** A concept's part, asked for once. */
export function concept(url) {
  if (!concepts.has(url)) concepts.set(url, text(url).catch((fault) => (concepts.delete(url), Promise.reject(fault))));
  return concepts.get(url);
}

async function text(url, signal) {
  const answer = await fetch(url, { signal, headers: { "HX-Request": "true" } });
  if (!answer.ok && !answer.headers.get("content-type")?.startsWith("text/html")) throw new Error(`${answer.status} ${url}`);
  return answer.text();
}

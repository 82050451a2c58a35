// The grid of concepts: what the address does not say survives a swap; size of cards; the next page fetched ahead.
import { copyText } from "./copy.js";
import { patch } from "./patch.js";
import { startPeek } from "./peek.js";
import { lettersOn, showSelection, startSelection, withSelection } from "./selection.js";

const root = document.documentElement;
const results = document.querySelector("#results");
const isTurned = ({ target }) => target.id === "shown";
const isOurs = (detail) => detail.target === results || isTurned(detail);
let open = new Map();
let asked = "";
let newest = null;

export function startGrid() {
  startSelection();
  startPeek();
  startSize();
  addEventListener("keydown", name, true);
  addEventListener("click", modified, true);
  addEventListener("click", copy);
  addEventListener("change", (event) => event.target.matches?.("[data-find]") && event.stopPropagation(), true);
  for (const kind of ["pointerover", "focusin"]) results.addEventListener(kind, near);
  const body = document.body;
  body.addEventListener("htmx:configRequest", (event) => isOurs(event.detail) && ask(event));
  for (const kind of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) body.addEventListener(kind, () => (asked = ""));
  body.addEventListener("htmx:beforeSwap", ({ detail }) => isOurs(detail) && remember(detail));
  body.addEventListener("htmx:afterSwap", ({ detail }) => isOurs(detail) && recall());
  body.addEventListener("htmx:afterSettle", ({ detail }) => isOurs(detail) && settled());
  body.addEventListener("htmx:pushedIntoHistory", () => {
    showSelection();
    writeSize();
  });
}

/** Links that a script would follow in place go their own way with Ctrl, Shift or the middle button. */
function modified(event) {
  if ((event.ctrlKey || event.metaKey || event.shiftKey) && event.target.closest?.("a[hx-get]")) event.stopPropagation();
}

/** A field that is left by Enter both changes and submits: the same is asked once. */
function ask(event) {
  const { path, parameters } = withSelection(event.detail);
  const now = `${path}?${JSON.stringify(parameters)}`;
  if (now === asked) event.preventDefault();
  asked = now;
}

/** `l` on a card writes its label in place. */
function name(event) {
  if (event.key !== "l" || event.ctrlKey || event.metaKey || event.altKey || !lettersOn()) return;
  const link = event.target.closest?.("#results [data-concept] a");
  if (!link) return;
  event.preventDefault();
  event.stopPropagation();
  import("./naming.js").then(({ write }) => write(link.closest("[data-concept]"), link));
}

function copy({ target }) {
  if (target.closest?.("[data-copy-address]")) copyText(location.href, "Address copied");
}

/** Which menus are unfolded: a swap must not change it. */
function remember(detail) {
  open = new Map();
  for (const one of results.querySelectorAll("details[id]")) open.set(one.id, one.open);
  // A page that is turned goes at once, and the view to its top; htmx would take leave of every element.
  if (isTurned(detail)) detail.target.replaceChildren();
}

function recall() {
  for (const one of results.querySelectorAll("details[id]")) if (open.has(one.id)) one.open = open.get(one.id);
}

function settled() {
  const next = results.querySelector("#facets-next");
  if (next) renewFacets(next);
  showSelection();
  showSize();
  const summary = results.querySelector("[data-summary]")?.dataset.summary;
  if (summary) document.querySelector("#announced").textContent = summary;
}

/** Filters take longer than results to change: they follow once those are painted. */
function renewFacets(next) {
  newest = next;
  next.remove();
  const later = () => newest === next && patch(document.querySelector("#facets"), next.content.firstElementChild);
  requestAnimationFrame(() => requestIdleCallback(later, { timeout: 100 }));
}

// Size of cards: a class that the server writes when the address says it, else the visitor's last choice.

function startSize() {
  const asked = new URLSearchParams(location.search).get("size");
  if (asked) keepSize(asked);
  showSize();
  writeSize();
  results.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-size]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    keepSize(link.dataset.size);
    showSize();
    writeSize();
  });
}

function keepSize(size) {
  root.dataset.size = size;
  try {
    localStorage.setItem("size", size);
  } catch {
    // No storage: the choice holds for this page.
  }
}

function showSize() {
  const size = root.dataset.size ?? "m";
  for (const link of results.querySelectorAll("a[data-size]")) {
    if (link.dataset.size === size) link.ariaCurrent = "true";
    else link.removeAttribute("aria-current");
  }
  results.querySelector(".cards")?.classList.remove("size-s", "size-m", "size-l");
}

function writeSize() {
  const [url, size] = [new URL(location.href), root.dataset.size ?? "m"];
  if ((url.searchParams.get("size") ?? "m") === size) return;
  url.searchParams.set("size", size);
  history.replaceState(history.state, "", url.pathname + url.search.replaceAll("%2C", ",") + url.hash);
}

// The next page is fetched when the pointer or the focus comes near; the browser keeps it by its tag.

const fetched = new Set();

function near({ target }) {
  const pager = target.closest?.(".pager");
  const next = pager?.querySelector("[rel=next]")?.getAttribute("hx-get");
  if (!next || fetched.has(next) || navigator.connection?.saveData) return;
  fetched.add(next);
  const { path } = withSelection({ path: next, parameters: {} });
  fetch(path, { headers: { "HX-Request": "true" }, priority: "low" }).catch(() => fetched.delete(next));
}

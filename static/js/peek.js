// A concept in a panel beside the grid: Space on a card, or the button on it; Escape closes.
import { redraw } from "./heat.js";

const panel = document.querySelector("#peek");
const results = document.querySelector("#results");
let shown = null;
let came = null;
let waiting = 0;
let asking = null;

export function startPeek() {
  addEventListener("keydown", pressed, true);
  addEventListener("click", ({ target }) => {
    const button = target.closest?.("button[data-peek]");
    if (button) toggle(button.closest("[data-concept]"), button);
    if (target.closest?.("[data-peek-close]")) close();
  });
  results.addEventListener("focusin", ({ target }) => {
    const item = target.closest("[data-concept]");
    if (panel.hidden || !item || item.dataset.concept === shown) return;
    came = target;
    clearTimeout(waiting);
    waiting = setTimeout(() => open(item), 120);
  });
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !panel.hidden && !event.target.closest("brush-plot, form")) {
    event.preventDefault();
    return close();
  }
  const link = event.target.closest?.("#results [data-concept] a");
  if (event.key !== " " || !link) return;
  event.preventDefault();
  toggle(link.closest("[data-concept]"), link);
}

function toggle(item, from) {
  if (!panel.hidden && item.dataset.concept === shown) return close();
  came = from;
  open(item);
}

async function open(item) {
  const concept = (shown = item.dataset.concept);
  asking?.abort();
  asking = new AbortController();
  mark(item);
  panel.hidden = false;
  dock(item);
  panel.ariaBusy = "true";
  try {
    const answer = await fetch(results.dataset.peek.replace("CONCEPT", concept), { signal: asking.signal });
    const text = await answer.text();
    if (shown !== concept) return;
    panel.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
    panel.scrollTop = 0;
    redraw();
    document.querySelector("#announced").textContent = `${panel.querySelector("h2")?.textContent.trim() ?? "Concept"}, in brief`;
  } catch (fault) {
    if (fault.name !== "AbortError") panel.textContent = "The server did not answer. Press Space again to try.";
  } finally {
    if (shown === concept) panel.ariaBusy = null;
  }
}

/** The panel stands where it does not cover the concept that it shows. */
function dock(item) {
  const [box, own] = [item.getBoundingClientRect(), panel.getBoundingClientRect()];
  if (own.width >= innerWidth) return window.scrollBy({ top: box.top - 16 });
  if (box.right > own.left && box.left < own.right) panel.classList.toggle("left");
}

function mark(item) {
  for (const old of results.querySelectorAll(".peeked")) old.classList.remove("peeked");
  item?.classList.add("peeked");
}

function close() {
  asking?.abort();
  shown = null;
  panel.hidden = true;
  panel.replaceChildren();
  mark(null);
  if (came?.isConnected) came.focus();
}

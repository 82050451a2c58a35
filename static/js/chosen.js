// The chosen concept of a visitor's photo: its panel follows the address; what is lost without it is asked on a click.
const $ = (selector) => document.querySelector(selector);
const ASKED = ["d", "stream", "sort", "concept", "patch", "painted", "map", "edits"];

let asking = null;
let shown = "";

export function startChosen() {
  shown = wanted();
  addEventListener("concept:address", follow);
  $("#concept").addEventListener("click", (event) => {
    const link = event.target.closest("[data-map], [data-close]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.dataset.map) dispatchEvent(new CustomEvent("concept:map", { detail: link.dataset.map }));
    else dispatchEvent(new CustomEvent("concept:closed"));
  });
}

/** What the panel depends on. */
function wanted() {
  const asked = new URLSearchParams(location.search);
  const map = asked.get("map") === "occlusion" ? "occlusion" : "";
  return asked.has("concept") ? [asked.get("concept"), map, asked.get("patch"), asked.get("painted")].join() : "";
}

async function follow() {
  markMap();
  if (wanted() === shown) return;
  shown = wanted();
  asking?.abort();
  asking = new AbortController();
  const place = $("#concept");
  place.removeAttribute("aria-busy");
  if (!shown) return place.replaceChildren();
  const asked = new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => ASKED.includes(name)));
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`/_f${location.pathname}/concept?${asked}`, { signal: asking.signal, headers: { "HX-Request": "true" } });
    fill(await answer.text());
  } catch (fault) {
    if (fault.name === "AbortError") return;
    fill('<div class="problem" role="alert">The server did not answer. Try again in a moment.</div>');
  }
  place.removeAttribute("aria-busy");
}

function fill(html) {
  const focused = document.activeElement?.closest("#concept a")?.dataset.map;
  $("#concept").replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  markMap();
  if (focused) $(`#concept [data-map="${focused}"]`)?.focus({ preventScroll: true });
  dispatchEvent(new CustomEvent("concept:told"));
}

/** The map that the photo shows is the current one. */
function markMap() {
  const map = new URLSearchParams(location.search).get("map") || "codes";
  for (const link of document.querySelectorAll("#concept [data-map]")) {
    if (link.dataset.map === map) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

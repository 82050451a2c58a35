// The concept page: tabs and strip stay in step with the tiles, a tile shows its place on the strip, the next page is fetched ahead.
import { choose } from "./heat.js";
import { short } from "./readout.js";

const ahead = new Set();
let usual = "";

export function startConcept() {
  if (!document.querySelector("#examples")) return;
  usual = document.querySelector("#place")?.textContent ?? "";
  for (const type of ["pointerover", "focusin"]) {
    addEventListener(type, place);
    addEventListener(type, fetchAhead);
  }
  addEventListener("click", clicked);
  if (sessionStorage.getItem(location.pathname.replace(/\/c\/\d+$/, "/compare"))) dressed("./tray.js").then(({ show }) => show());
  showBand();
  followParts();
}

/** After a swap: which tab and which interval belong to the tiles on show. */
export function showBand() {
  const band = document.querySelector("#examples [data-shown-band]")?.dataset.shownBand;
  if (!band) return;
  for (const one of document.querySelectorAll(".tabs a, .range a")) {
    if (one.dataset.band === band) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
}

function clicked(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const [interval, choice, enlarge, compare] = [".range a", "[data-choose]", "[data-enlarge]", "[data-compare]"].map((one) => event.target.closest?.(one));
  if (!interval && !choice && !enlarge && !compare) return;
  event.preventDefault();
  if (interval) document.querySelector(`.tabs [data-band="${interval.dataset.band}"]`).click();
  if (choice) choose(choice.dataset.choose, choice.dataset.value);
  if (enlarge) enlargeTile(enlarge);
  if (compare) dressed("./tray.js").then(({ add }) => add(compare));
}

/** A module with the style of what it adds. */
async function dressed(module) {
  await dress(document.querySelector("#later").dataset.style);
  return import(module);
}

/** A sheet that a page needs only now. */
export async function dress(style) {
  if (document.querySelector(`link[href="${style}"]`)) return;
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: style });
  document.head.append(link);
  await new Promise((done) => (link.onload = link.onerror = done));
}

function enlargeTile(button) {
  const tile = button.closest(".tile") ?? document.activeElement.closest(".tile") ?? document.querySelector(".tile:hover") ?? document.querySelector("#examples .tile");
  if (tile) dressed("./lightbox.js").then(({ open }) => open(tile));
}

function place(event) {
  const marker = document.querySelector(".range .marker");
  if (!marker) return;
  const link = event.target.closest?.(".tile")?.querySelector("[data-value]");
  const value = Number(link?.dataset.value ?? 0);
  const text = document.querySelector("#place");
  marker.classList.toggle("on", value > 0);
  text.classList.toggle("reading", Boolean(link));
  text.textContent = link ? reading(value, link.dataset.percentile) : usual;
  if (value > 0) marker.setAttribute("transform", `translate(${coordinate(value)} 0)`);
}

function reading(value, percentile) {
  if (!value) return "silent on this image";
  return `peak ${short(value)}${percentile ? ` · not below ${short(100 * percentile)}\u2009% of the images in which it fires` : ""}`;
}

/** Place of a value on the logarithmic axis, read off the bars. */
function coordinate(value) {
  const bars = [...document.querySelectorAll(".range .bar")];
  const bar = bars.find((one) => value <= Number(one.dataset.high)) ?? bars.at(-1);
  const [low, high] = [Number(bar.dataset.low), Number(bar.dataset.high)];
  const share = low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return bar.x.baseVal.value + Math.min(Math.max(share, 0), 1) * bar.width.baseVal.value;
}

/** The concept before or after, once the pointer or the focus is on its link, where the browser does not do so by itself. */
function fetchAhead({ target }) {
  if (HTMLScriptElement.supports?.("speculationrules")) return;
  const link = target.closest?.('a[rel="next"], a[rel="prev"]');
  if (!link || ahead.has(link.href) || navigator.connection?.saveData) return;
  ahead.add(link.href);
  const hint = document.createElement("link");
  [hint.rel, hint.href] = ["prefetch", link.href];
  document.head.append(hint);
}

/** Which part of the page is being read. */
function followParts() {
  const links = [...document.querySelectorAll(".parts li:not(.below) a")];
  const heads = links.map((link) => document.querySelector(link.hash));
  const mark = () => {
    const passed = heads.filter((head) => head && head.getBoundingClientRect().top < innerHeight / 3).length;
    const here = links[Math.max(passed - 1, 0)];
    for (const link of links) {
      if (link === here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let waiting = 0;
  addEventListener("scroll", () => (waiting ||= requestAnimationFrame(() => ((waiting = 0), mark()))), { passive: true });
  mark();
}

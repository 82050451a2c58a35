// The keyboard: single letters (which can be turned off), g + letter, arrows among things in a row.
import { copyText } from "./copy.js";
import { nudge } from "./heat.js";

const ACTIONS = {
  "[": () => nudge("opacity", -1),
  "]": () => nudge("opacity", 1),
  ",": () => nudge("threshold", -1),
  ".": () => nudge("threshold", 1),
  y: copyAddress,
};
const LETTERS = "keys";
const FIELD = "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=range])";
let going = 0;

export function startKeys() {
  const sheet = document.querySelector("#keys");
  const choice = document.querySelector("#keys-on");
  choice.checked = lettersOn();
  choice.addEventListener("change", () => localStorage.setItem(LETTERS, choice.checked ? "on" : "off"));
  document.querySelector("#help").addEventListener("click", () => sheet.showModal());
  addEventListener("keydown", pressed);
  replay(takeEarlyKeys());
  addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
}

/** What was typed after a key had opened a field was meant for the field, not for the page. */
function replay(early) {
  for (const event of early) {
    pressed(event);
    if (document.activeElement.matches(FIELD)) return;
  }
}

function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return isField(event.target) ? event.target.blur() : closeMenus();
  if (document.querySelector("dialog[open]") || isField(event.target)) return;
  if (event.key.startsWith("Arrow")) return moveAmong(event);
  if (!lettersOn() || isChoice(event.target, event.key)) return;
  if (Date.now() - going < 1200) return go(event);
  if (event.key === "g") going = Date.now();
  else act(event);
}

function act(event) {
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!target && !ACTIONS[event.key]) return;
  event.preventDefault();
  if (!target) ACTIONS[event.key]();
  else if (isField(target)) target.focus();
  else step(target);
}

/** Who goes to the next by its key will do so again: the browser makes that page ready (`ahead.speculationrules`). */
function step(target) {
  try {
    if (target.rel) sessionStorage.setItem("stepping", target.rel);
  } catch {
    // No storage: the next page is fetched when it is asked for.
  }
  target.click();
}

function go(event) {
  going = 0;
  const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
}

function moveAmong(event) {
  const list = event.target.closest?.("[data-arrows]");
  const link = event.target.closest?.("a");
  if (!list || !link) return;
  const links = [...list.querySelectorAll(":scope > li > a, :scope > tr > th > a")];
  const here = links.indexOf(link);
  if (here < 0) return;
  const perRow = links.filter((one) => topOf(one) === topOf(links[0])).length || 1;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow }[event.key];
  const next = links[here + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

const topOf = (one) => Math.round(one.getBoundingClientRect().top);

function copyAddress() {
  copyText(location.href, "Address copied");
}

function closeMenus() {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
}

function isField(target) {
  return target.closest?.(FIELD);
}

function isChoice(target, key) {
  return (key === " " && target.closest?.("button, summary, input")) || (key === "Enter" && target.closest?.("a, button, summary"));
}

function lettersOn() {
  try {
    return localStorage.getItem(LETTERS) !== "off";
  } catch {
    return true;
  }
}

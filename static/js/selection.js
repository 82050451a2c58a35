// Concepts that are ticked: held in the address, shown by a bar, the same on every page of the grid.

const bar = document.querySelector("#selected");
const results = document.querySelector("#results");
const chosen = new Set((new URLSearchParams(location.search).getAll("select").join(",") || "").split(",").filter(Boolean));
const names = new Map();
let anchor = null;

export function startSelection() {
  const told = document.querySelector("#selected-names").textContent.split(", ");
  [...chosen].forEach((id, place) => names.set(id, told[place]));
  addEventListener("change", ({ target }) => {
    if (target.matches?.("input[name=select][form=selection]")) choose([target.value], target.checked);
  });
  addEventListener("keydown", pressed, true);
  bar.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link?.ariaDisabled === "true") return event.preventDefault();
    if (!link?.matches("[data-clear]")) return;
    event.preventDefault();
    choose([...chosen], false);
    results.querySelector("[data-concept] a")?.focus({ preventScroll: true });
  });
  addEventListener("click", carry, true);
  showSelection();
}

/** The request without what it was told of the selection: the browser knows it, and equal answers are kept once. */
export function withSelection(detail) {
  const url = new URL(detail.path, location.href);
  url.searchParams.delete("select");
  detail.path = url.pathname + url.search.replaceAll("%2C", ",");
  for (const values of [detail.parameters, detail.formData]) values?.delete?.("select");
  if (detail.parameters && "select" in detail.parameters) delete detail.parameters.select;
  return detail;
}

/** Tick what is chosen, fill the bar, write the address. */
export function showSelection() {
  for (const box of results.querySelectorAll("input[name=select]")) {
    box.checked = chosen.has(box.value);
    if (box.checked) names.set(box.value, nameOf(box));
  }
  const ids = [...chosen];
  bar.toggleAttribute("data-none", !ids.length);
  document.documentElement.classList.toggle("selecting", ids.length > 0);
  document.querySelector("#selected-n").textContent = ids.length;
  document.querySelector("#selected-names").textContent = ids.map((id) => names.get(id) ?? `#${id}`).join(", ");
  const put = document.querySelector("#put-ids");
  if (put) put.value = ids.join(",");
  for (const link of bar.querySelectorAll("a[data-template]")) {
    const fits = ids.length >= Number(link.dataset.least) && ids.length <= Number(link.dataset.most ?? Infinity);
    if (fits) link.href = link.dataset.template.replace("SELECTED", ids.join(","));
    else link.removeAttribute("href");
    link.ariaDisabled = fits ? null : "true";
    link.title = fits ? "" : `Takes ${link.dataset.least} to ${link.dataset.most ?? "any number of"} concepts`;
  }
  writeAddress(ids);
}

function choose(ids, on) {
  const most = Number(bar.dataset.most);
  for (const id of ids) {
    if (on && chosen.size < most) chosen.add(id);
    else if (!on) chosen.delete(id);
  }
  showSelection();
  const isFull = on && chosen.size === most;
  document.querySelector("#announced").textContent = `${chosen.size} selected${isFull ? ", which is the most" : ""}`;
}

function nameOf(box) {
  const [name, number] = [box.closest("[data-concept]").querySelector(".title b").textContent, `#${box.value}`];
  return name === number ? name : `${name} ${number}`;
}

function writeAddress(ids) {
  const url = new URL(location.href);
  if ((url.searchParams.getAll("select").join(",") || "") === ids.join(",")) return;
  url.searchParams.delete("select");
  if (ids.length) url.searchParams.set("select", ids.join(","));
  history.replaceState(history.state, "", url.pathname + url.search.replaceAll("%2C", ",") + url.hash);
}

/** Links that lead to another view of the grid take the selection along as it is now. */
function carry({ target }) {
  const link = target.closest?.(".browse a[href]");
  if (!link || !link.matches("[hx-get], [rel], .seek a")) return;
  const url = new URL(link.href);
  url.searchParams.delete("select");
  if (chosen.size) url.searchParams.set("select", [...chosen].join(","));
  link.href = url.pathname + url.search.replaceAll("%2C", ",");
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const item = event.target.closest?.("#results [data-concept]");
  if (!item || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "x" && lettersOn()) {
    event.preventDefault();
    event.stopPropagation();
    choose([item.dataset.concept], !chosen.has(item.dataset.concept));
  } else if (event.shiftKey && event.key.startsWith("Arrow")) {
    anchor ??= item;
    if (!anchor.isConnected) anchor = item;
    const from = anchor;
    setTimeout(() => extend(from)); // the keys move the focus first
  } else if (event.key !== "Shift") anchor = null;
}

function extend(from) {
  const items = [...results.querySelectorAll("[data-concept]")];
  const to = document.activeElement?.closest("[data-concept]");
  const [first, last] = [items.indexOf(from), items.indexOf(to)].sort((a, b) => a - b);
  if (first >= 0) choose(items.slice(first, last + 1).map((item) => item.dataset.concept), true);
}

export function lettersOn() {
  try {
    return localStorage.getItem("keys") !== "off";
  } catch {
    return true;
  }
}

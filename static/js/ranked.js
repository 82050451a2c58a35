// Parts of the image page: coloured patches with their numbers, and rows of the list.
import { short } from "./readout.js";

const SVG = "http://www.w3.org/2000/svg";
/** Dark enough for white figures on them (4.5 to 1). */
export const COLOURS = ["#c23b16", "#1f6fa8", "#8c6200", "#2b7a4a", "#7d45a3", "#b8397a", "#147b82", "#75563b"];

/** A concept's name, and its number where the name is a label that others may share. */
export function nameOf(patches, position) {
  const [name, number] = [patches.names[position], `#${patches.concepts[position]}`];
  if (name === number) return [name];
  const small = document.createElement("small");
  small.textContent = number;
  return [`${name} `, small];
}

/** The same as plain text. */
export const fullNameOf = (patches, position) => nameOf(patches, position).map((part) => part.textContent ?? part).join("");

/** A square in a segment's colour, with its number. */
export function swatchOf(place) {
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.setProperty("--swatch", COLOURS[place]);
  swatch.textContent = place + 1;
  return swatch;
}

/** A patch filled with a colour. */
export function copyOf(rect, colour) {
  const area = document.createElementNS(SVG, "rect");
  for (const name of ["x", "y", "width", "height"]) area.setAttribute(name, rect.getAttribute(name));
  area.setAttribute("fill", colour);
  area.setAttribute("class", "segment");
  return area;
}

/** A segment's number on one patch. */
export function numberAt(rect, number) {
  const text = document.createElementNS(SVG, "text");
  const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
  text.setAttribute("x", x + width / 2);
  text.setAttribute("y", y + height / 2);
  text.setAttribute("class", "segment-number");
  text.textContent = number;
  return text;
}

/** Number and colour of each segment beside its concept in the list. */
export function markRows(list, patches, top) {
  for (const old of list.querySelectorAll(".swatch")) old.remove();
  top.forEach(({ position }, place) => {
    list.querySelector(`li[data-concept="${patches.concepts[position]}"] .what`)?.prepend(swatchOf(place));
  });
}

/** A row for a concept that the page came without: {item, share of its max}. */
export function rowOf(patches, position, value, told = {}) {
  const item = document.querySelector("#ranked-row").content.firstElementChild.cloneNode(true);
  const share = told.share ?? Math.min(1, value / (patches.max[position] || 1));
  const [picture, tint] = item.querySelectorAll("img");
  if (patches.crops[position]) {
    picture.src = patches.crops[position];
    tint.src = patches.heats[position];
  } else item.querySelector(".sprite").replaceChildren();
  item.dataset.concept = patches.concepts[position];
  const [link, note] = [document.createElement("a"), document.createElement("small")];
  link.href = patches.urls[position];
  link.append(...nameOf(patches, position));
  note.textContent = told.note ?? `${Math.round(100 * share)} % of its max`;
  item.querySelector(".what").prepend(link);
  item.querySelector(".what").append(note);
  item.querySelector(".meter rect").setAttribute("width", (100 * share).toFixed(1));
  item.querySelector(".value").append(told.value ?? short(value), document.createElement("br"), showOf(patches, position), ...removeOf(patches, position));
  return { item, share };
}

/** Where edits can be tried: the link that removes a concept. */
function removeOf(patches, position) {
  const edits = document.querySelector("#edits:not([data-missing])");
  if (!edits) return [];
  const link = document.createElement("a");
  Object.assign(link, { href: "#edit", textContent: "Remove" });
  link.dataset.edit = patches.concepts[position];
  link.setAttribute("aria-label", `Remove ${fullNameOf(patches, position)} there and see the prediction`);
  return [" ", link];
}

function showOf(patches, position) {
  const [show, to] = [document.createElement("a"), new URL(location.href)];
  to.searchParams.set("concept", patches.concepts[position]);
  Object.assign(show, { href: to.pathname + to.search, textContent: "Show" });
  show.dataset.show = patches.concepts[position];
  show.setAttribute("aria-label", `Show ${fullNameOf(patches, position)} on the photo`);
  return show;
}

// A plot's drawing as a file of its own: looks as computed, title and legend drawn, no links, and where it is from.

const SVG = "http://www.w3.org/2000/svg";
// All of them are inherited: what an element has from its parent is not said again.
const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size", "font-weight", "text-anchor"];
// User units, as in the drawing itself.
const EDGE = 8; // ground around it
const LEFT = 4; // where title and legend begin
const BELOW = 12; // what is free below them
const TITLE = { size: 13, weight: 600, line: 20, swatch: 0, gap: 4 };
const LEGEND = { size: 11, weight: 400, line: 16, swatch: 34, gap: 14 };

/** The drawing of a plot: the one with a title, not a swatch of its legend. */
export const svgOf = (plot) => plot.querySelector("svg:has(> title)");

export const titleOf = (svg) => svg.querySelector("title").textContent;

/** The drawing as text, with its size in user units. */
export function drawingOf(plot) {
  const from = svgOf(plot);
  const svg = from.cloneNode(true);
  asOnThePage(from, () => settle(from, svg));
  free(svg);
  const { width, height } = from.viewBox.baseVal;
  const title = titleIn(svg, plot, width);
  const head = [...title, ...legendIn(svg, plot, width, title.at(-1).y + 4)];
  const top = head.at(-1).y + BELOW;
  const all = { width: width + 2 * EDGE, height: height + top + EDGE };
  const group = make("g", { transform: `translate(0 ${-top})` });
  group.append(...head.flatMap(({ nodes }) => nodes));
  svg.querySelector("desc").after(origin(svg), make("rect", { ...all, x: -EDGE, y: -top, fill: groundOf(plot) }), group);
  give(svg, { viewBox: `${-EDGE} ${-top} ${all.width} ${all.height}`, ...all, role: "img" });
  return { text: new XMLSerializer().serializeToString(svg), ...all };
}

/** A window has letters of its own; what is saved from there looks as what is saved from the page. */
function asOnThePage(svg, read) {
  const box = svg.closest(".enlarged");
  box?.classList.remove("enlarged");
  read();
  box?.classList.add("enlarged");
}

/** Computed looks become attributes. */
function settle(from, to, above = {}) {
  if (!(from instanceof SVGGraphicsElement)) return;
  const style = getComputedStyle(from);
  const looks = Object.fromEntries(LOOKS.map((name) => [name, style.getPropertyValue(name)]));
  for (const name of LOOKS) {
    if (looks[name] === above[name]) to.removeAttribute(name);
    else to.setAttribute(name, looks[name]);
  }
  [...from.children].forEach((child, place) => settle(child, to.children[place], looks));
}

/** What only a page can do goes: links, what catches the pointer, what scripts read. */
function free(svg) {
  for (const one of svg.querySelectorAll(".hit, .marker")) one.remove();
  for (const link of svg.querySelectorAll("a")) {
    const group = make("g", {});
    for (const { name, value } of link.attributes) if (LOOKS.includes(name)) group.setAttribute(name, value);
    group.append(...link.childNodes);
    link.replaceWith(group);
  }
  for (const one of [svg, ...svg.querySelectorAll("[data-low]")]) {
    for (const name of Object.keys(one.dataset)) delete one.dataset[name];
  }
}

/** The title in lines, each with its place from the upper edge. */
function titleIn(svg, plot, width) {
  const { color } = getComputedStyle(plot.querySelector("figcaption"));
  const lines = [];
  for (const { text, row } of flow(titleOf(svg).split(" "), TITLE, svg, width)) lines[row] = lines[row] ? `${lines[row]} ${text}` : text;
  return lines.map((text, row) => {
    const y = TITLE.line * (row + 1);
    return { y, nodes: [write(text, LEFT, y, color, TITLE)] };
  });
}

/** The legend, where there is one, in rows below the title. */
function legendIn(svg, plot, width, above) {
  const items = [...plot.querySelectorAll(":scope > .series > li")];
  return flow(items.map((one) => one.textContent.trim()), LEGEND, svg, width).map(({ text, x, row }, place) => {
    const y = above + LEGEND.line * (row + 1);
    const label = write(text, x + LEGEND.swatch, y, getComputedStyle(items[place]).color, LEGEND);
    return { y, nodes: [swatchIn(items[place], x, y - 8), label] };
  });
}

function swatchIn(item, x, y) {
  const from = item.querySelector("svg");
  const swatch = from.cloneNode(true);
  settle(from, swatch);
  for (const one of swatch.children) one.removeAttribute("class");
  return give(swatch, { x, y, width: 28, height: 8 });
}

/** Texts one after the other, in as many rows as the width asks for. */
function flow(texts, { size, weight, swatch, gap }, svg, width) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${weight} ${size}px ${svg.getAttribute("font-family")}`;
  let [x, row] = [LEFT, 0];
  return texts.map((text) => {
    const wide = swatch + pen.measureText(text).width;
    if (x > LEFT && x + wide > width) [x, row] = [LEFT, row + 1];
    const at = { text, x, row };
    x += wide + gap;
    return at;
  });
}

function write(text, x, y, fill, { size, weight }) {
  const node = make("text", { x, y, fill, "font-size": size, "font-weight": weight });
  node.textContent = text;
  return node;
}

/** The address and the digests of what the page shows, as JSON. */
function origin(svg) {
  const digests = [...document.querySelectorAll(".colophon code[title]")].map((one) => [one.closest("div").querySelector("dt").textContent.toLowerCase(), one.title]);
  const node = make("metadata", {});
  node.textContent = JSON.stringify({ title: titleOf(svg), page: document.title, source: location.href, ...Object.fromEntries(digests), saved: new Date().toISOString() });
  return node;
}

/** The first ground behind the plot that can't be seen through. */
function groundOf(one) {
  const ground = getComputedStyle(one).backgroundColor;
  return ground === "rgba(0, 0, 0, 0)" && one.parentElement ? groundOf(one.parentElement) : ground;
}

const make = (name, attributes) => give(document.createElementNS(SVG, name), attributes);

function give(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

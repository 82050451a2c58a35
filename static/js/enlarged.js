// A plot in a window of its own. The drawing itself moves there, so that links and rectangles go on working.
import { dress } from "./concept.js";
import { svgOf, titleOf } from "./drawing.js";

const LETTER = 16; // CSS pixels, however large the window is

/** Escape closes it, and the focus returns; a blank drawing keeps the place. */
export async function enlarge(plot, button) {
  const row = button.parentElement;
  await dress(row.dataset.style);
  if (plot.querySelector("dialog")) return;
  const svg = svgOf(plot);
  const blank = svg.cloneNode();
  const box = make(svg, [...plot.querySelectorAll(".series")], row);
  const toast = document.querySelector("#toast"); // what is below a dialog is neither seen nor read
  box.addEventListener("close", () => {
    blank.replaceWith(svg);
    document.body.append(toast);
    box.remove();
  });
  svg.replaceWith(blank);
  const view = box.querySelector(".view");
  view.append(svg);
  box.append(toast);
  plot.append(box);
  box.showModal();
  new ResizeObserver(() => view.style.setProperty("--letter", `${LETTER / svg.getScreenCTM().a}px`)).observe(view);
  view.scrollLeft = (view.scrollWidth - view.clientWidth) / 2;
}

function make(svg, legends, row) {
  const box = document.createElement("dialog");
  box.className = "enlarged";
  box.setAttribute("aria-label", titleOf(svg));
  box.innerHTML = '<header><h2></h2><button type="button" autofocus>Close</button></header><div class="view" tabindex="0" role="region"></div><p></p>';
  const [head, close, view, says] = box.querySelectorAll("h2, button, div, p");
  head.textContent = titleOf(svg);
  view.setAttribute("aria-label", `${titleOf(svg)}, enlarged`);
  says.textContent = svg.querySelector("desc").textContent;
  view.before(...legends.map((one) => one.cloneNode(true)));
  close.before(row.cloneNode(true));
  close.previousSibling.firstChild.remove();
  close.addEventListener("click", () => box.close());
  return box;
}

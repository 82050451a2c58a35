// The matrix of a class: tells the cell under the pointer or the cursor; arrow keys go from cell to cell, Enter opens it.
import { short } from "./readout.js";

const table = document.querySelector("table[data-ranges]");
const says = document.querySelector("#matrix-says");
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export function startMatrix() {
  const ranges = JSON.parse(document.querySelector(`#${table.dataset.ranges}`).textContent);
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  rows[0].cells[1].tabIndex = 0;
  table.addEventListener("pointerover", ({ target }) => tell(target.closest("tbody td"), heads, ranges));
  table.addEventListener("focusin", ({ target }) => tell(target.closest("tbody td"), heads, ranges));
  table.addEventListener("click", ({ target }) => open(target.closest("tbody td"), heads));
  table.addEventListener("keydown", (event) => {
    const cell = event.target.closest("tbody td");
    if (!cell) return;
    if (event.key === "Enter") open(cell, heads);
    const step = STEPS[event.key];
    const next = step && rows[cell.parentNode.sectionRowIndex + step[0]]?.cells[cell.cellIndex + step[1]];
    if (!step) return;
    event.preventDefault();
    if (next?.matches("td")) move(cell, next);
  });
}

function move(from, to) {
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
  to.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function tell(cell, heads, ranges) {
  for (const head of heads) head.classList.toggle("at", Boolean(cell) && head.cellIndex === cell.cellIndex);
  if (!cell) return;
  const [low, high] = ranges[cell.parentNode.sectionRowIndex][cell.cellIndex - 1];
  const concept = cell.parentNode.cells[0].textContent.trim();
  const photo = heads[cell.cellIndex].querySelector("a").title;
  const value = low === high ? `${sign(low)} logits` : `between ${sign(low)} and ${sign(high)} logits`;
  says.textContent = `${concept} on ${photo}: ${value}`;
}

const sign = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${short(Math.abs(value))}`;

function open(cell, heads) {
  if (!cell) return;
  const to = new URL(heads[cell.cellIndex].querySelector("a").href);
  to.searchParams.set("concept", cell.parentNode.dataset.concept);
  location.assign(to);
}

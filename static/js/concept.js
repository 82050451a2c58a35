// The concept page: band tabs stay in step with the tiles, and a tile shows its place on the histogram.

export function startConcept() {
  if (!document.querySelector("#examples")) return;
  addEventListener("pointerover", place);
  addEventListener("focusin", place);
  showBand();
}

/** After a swap: which tab and which interval belong to the tiles on show. */
export function showBand() {
  const band = document.querySelector("#examples [data-shown-band]")?.dataset.shownBand;
  if (!band) return;
  for (const tab of document.querySelectorAll(".tabs a")) {
    if (tab.dataset.band === band) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
  for (const span of document.querySelectorAll(".range .span")) span.classList.toggle("on", span.dataset.band === band);
}

function place(event) {
  const marker = document.querySelector(".range .marker");
  if (!marker) return;
  const value = Number(event.target.closest?.(".tile [data-value]")?.dataset.value ?? 0);
  const x = value > 0 ? coordinate(value) : null;
  marker.setAttribute("visibility", x === null ? "hidden" : "visible");
  if (x !== null) marker.setAttribute("transform", `translate(${x} 0)`);
}

/** Place of a value on the logarithmic axis, read off the bars. */
function coordinate(value) {
  const bars = [...document.querySelectorAll(".range .bar")];
  const bar = bars.find((one) => value <= Number(one.dataset.high)) ?? bars.at(-1);
  const [low, high] = [Number(bar.dataset.low), Number(bar.dataset.high)];
  const share = low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return bar.x.baseVal.value + Math.min(Math.max(share, 0), 1) * bar.width.baseVal.value;
}

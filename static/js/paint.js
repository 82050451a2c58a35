// Several patches at once: drag over them, click them, or Space on each; while painting is off, patches are chosen one by one.

export function startPaint({ cells, painted, changed }) {
  const [group, on] = [document.querySelector("#cells"), document.querySelector("#paint")];
  for (const place of readPatches(new URLSearchParams(location.search).get("painted") ?? "")) painted.add(place);
  let stroke = null; // true while patches are added, false while they are taken away

  function touch(target) {
    const index = cells.indexOf(target.closest?.("a"));
    if (index < 0) return;
    if (stroke) painted.add(index);
    else painted.delete(index);
    cells[index].classList.toggle("painted", stroke);
    changed();
  }
  function begin(target) {
    const index = cells.indexOf(target.closest?.("a"));
    stroke = !painted.has(index);
    touch(target);
  }
  const whilePainting = (act) => (event) => {
    if (!on.checked) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    act(event);
  };
  group.addEventListener("pointerdown", whilePainting(({ target, pointerId }) => {
    if (target.hasPointerCapture?.(pointerId)) target.releasePointerCapture(pointerId); // touch holds it
    begin(target);
  }), true);
  group.addEventListener("pointerover", (event) => on.checked && event.buttons && stroke !== null && touch(event.target), true);
  group.addEventListener("click", whilePainting(() => {}), true);
  group.addEventListener("dragstart", (event) => event.preventDefault());
  group.addEventListener("keydown", (event) => event.key === " " && whilePainting(({ target }) => begin(target))(event), true);
  addEventListener("pointerup", () => (stroke = null));
  on.addEventListener("change", () => {
    document.querySelector("#stage").classList.toggle("painting", on.checked);
    if (on.checked) return;
    painted.clear();
    for (const cell of cells) cell.classList.remove("painted");
    changed();
  });
  document.querySelector("#stage").classList.toggle("painting", on.checked);
}

/** Numbers of patches as edits write them: 0, 1, 2, 5 becomes 0-2.5. */
export function writePatches(places) {
  const runs = [];
  for (const place of [...places].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last[1] === place - 1) last[1] = place;
    else runs.push([place, place]);
  }
  return runs.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(".");
}

function readPatches(text) {
  return text.split(".").filter(Boolean).flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, step) => first + step);
  });
}

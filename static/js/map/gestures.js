// Pointers, wheel and keys on the sheet, told as what they mean: move, zoom, point, pick, draw.

const CLICK = 5; // pixels that a click may slip
const STEP = 80;

export function listen(sheet, { view, moved, pointed, picked, drawn, tool }) {
  const down = new Map();
  let line = null;
  let slipped = false;

  const at = (event) => {
    const box = sheet.getBoundingClientRect();
    return [event.clientX - box.left - sheet.clientLeft, event.clientY - box.top - sheet.clientTop];
  };

  sheet.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest("a")) return;
    down.set(event.pointerId, at(event));
    slipped = down.size > 1;
    sheet.setPointerCapture(event.pointerId);
    line = tool() && down.size === 1 ? [at(event)] : null;
    sheet.classList.toggle("grabbing", !line);
    pointed(null);
  });
  sheet.addEventListener("pointermove", (event) => {
    const now = at(event);
    const before = down.get(event.pointerId);
    if (!before) return pointed(event.pointerType === "touch" || event.target.closest("a") ? null : now);
    if (!slipped && Math.hypot(now[0] - before[0], now[1] - before[1]) < CLICK) return;
    slipped = true;
    if (line) {
      line = tool() === "rectangle" ? [line[0], now] : [...line, now];
      return drawn(line, false);
    }
    if (down.size === 1) view.move(now[0] - before[0], now[1] - before[1]);
    else pinch(event.pointerId, before, now);
    down.set(event.pointerId, now);
    moved();
  });
  for (const type of ["pointerup", "pointercancel"]) {
    sheet.addEventListener(type, (event) => {
      if (!down.delete(event.pointerId)) return;
      sheet.classList.remove("grabbing");
      if (line && slipped) drawn(line, type === "pointerup");
      else if (!slipped && type === "pointerup" && !line) picked(at(event), event.shiftKey || event.ctrlKey || event.metaKey);
      line = null;
    });
  }
  sheet.addEventListener("pointerleave", () => pointed(null));
  sheet.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoomAt(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : event.ctrlKey ? 0.01 : 0.0018)), ...at(event));
    moved();
  }, { passive: false });
  sheet.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    view.move(...step.map((one) => one * STEP * (event.shiftKey ? 3 : 1)));
    moved();
  });

  function pinch(id, before, now) {
    const other = [...down].find(([key]) => key !== id)[1];
    const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
    view.zoomAt(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    view.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }
}

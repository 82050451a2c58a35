// Concepts gathered for a comparison, kept for this dictionary while the browser is open.

const MOST = 4;
const path = location.pathname.replace(/\/c\/\d+$/, "/compare");

/** Add the concept that a link names, or take it away, and show what is gathered. */
export function add({ dataset: { compare, name } }) {
  const [id, kept] = [Number(compare), gathered()];
  const known = kept.findIndex((one) => one.id === id);
  if (known >= 0) kept.splice(known, 1);
  else if (kept.length < MOST) kept.push({ id, name });
  sessionStorage.setItem(path, JSON.stringify(kept));
  show(known < 0 && kept.every((one) => one.id !== id) ? `At most ${MOST} are compared: take one away first.` : "");
}

function gathered() {
  try {
    return JSON.parse(sessionStorage.getItem(path) ?? "[]");
  } catch {
    return [];
  }
}

/** Draw the tray, if anything is in it. */
export function show(said = "") {
  const kept = gathered();
  let tray = document.querySelector(".tray");
  tray?.classList.toggle("empty", !kept.length);
  if (!kept.length && !tray) return;
  if (!tray) {
    tray = document.createElement("aside");
    tray.className = "tray";
    tray.setAttribute("aria-label", "To compare");
    document.body.append(tray);
  }
  const list = document.createElement("ul");
  for (const one of kept) list.append(itemOf(one));
  const go = Object.assign(document.createElement("a"), { className: "button main", href: `${path}?c=${kept.map((one) => one.id)}`, textContent: kept.length > 1 ? `Compare ${kept.length}` : "Compare with…" });
  const note = Object.assign(document.createElement("span"), { className: "quiet", textContent: said });
  note.setAttribute("role", "status");
  note.textContent ||= kept.length > 1 ? "" : "Add another: c on its page.";
  tray.replaceChildren(list, note, go);
}

function itemOf(one) {
  const item = document.createElement("li");
  const name = one.name.startsWith("#") ? one.name : `${one.name} #${one.id}`;
  const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
  remove.setAttribute("aria-label", `Leave out ${name}`);
  remove.addEventListener("click", () => add({ dataset: { compare: one.id, name: one.name } }));
  item.append(name, remove);
  return item;
}

// Makes one part of the page say what a new one says, changing only what differs: focus, scrolling and what is unfolded stay.

/** Bring an element to the state of another of the same kind; what has other children gets those of the other. */
export function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  copyAttributes(old, fresh);
  const [mine, theirs] = [own(old), [...fresh.childNodes]];
  if (mine.length === theirs.length && mine.every((one, place) => isAlike(one, theirs[place]))) mine.forEach((one, place) => patch(one, theirs[place]));
  else {
    old.replaceChildren(...theirs);
    htmx.process(old);
  }
  old.renew?.();
}

/** What the server sent; a brush has added handles to its picture. */
const own = (element) => [...element.childNodes].filter((one) => !one.madeHere);

const isAlike = (one, other) => one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");

function copyAttributes(old, fresh) {
  const isBusy = old === document.activeElement;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !isOurs(old, name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value && !isOurs(old, name)) old.setAttribute(name, value);
  if (old.localName !== "input") return;
  if (old.type === "checkbox") old.checked = fresh.hasAttribute("checked");
  else if (!isBusy) old.value = fresh.getAttribute("value") ?? "";
  if (old.hasAttribute("hx-get")) htmx.process(old);
}

/** What is unfolded is the visitor's choice; a state of a brush is its own. */
const isOurs = (element, name) => (element.localName === "details" && name === "open") || (element.localName === "brush-plot" && name === "class");

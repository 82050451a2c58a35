// A concept's label written in place, by the same rules as on its page: what a person wrote is edited at the revision
// that was seen; anything else gets a label of its own.
import { tell } from "./copy.js";

const results = document.querySelector("#results");

/** A field below the picture, in place of the name. */
export function write(item, link) {
  if (!("mayWrite" in results.dataset)) return tell("Visitors of this server may read, not write.");
  if (item.querySelector(".naming")) return;
  const naming = { concept: item.dataset.concept, title: link.querySelector(".title"), ...makeForm(link), link };
  naming.known = said(naming.concept);
  naming.known.then((label) => label && !naming.field.value && Object.assign(naming.field, { value: label.text }).select());
  naming.form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(naming);
  });
  naming.form.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") leave(naming);
  });
}

function makeForm(link) {
  const [form, field, note] = ["form", "input", "small"].map((name) => document.createElement(name));
  form.className = "naming";
  Object.assign(field, { maxLength: 120, required: true, autocomplete: "off", placeholder: "Label, then Enter" });
  field.ariaLabel = `Label of ${link.querySelector(".title").textContent.trim()}`;
  note.setAttribute("role", "status");
  form.append(field, note);
  link.after(form);
  link.classList.add("named");
  field.focus();
  return { form, field, note };
}

function leave({ form, link }) {
  form.remove();
  link.classList.remove("named");
  link.focus();
}

async function save(naming) {
  const { concept, field, note, title } = naming;
  const text = field.value.trim();
  if (!text) return;
  note.textContent = "Saving…";
  try {
    const answer = await send(concept, text, await naming.known);
    if (answer.status === 412) return await tellClash(naming);
    if (!answer.ok) return void (note.textContent = (await answer.json()).detail ?? "It was not saved. Try again.");
  } catch {
    return void (note.textContent = "The server did not answer. Try again.");
  }
  const shown = (await said(concept, "any"))?.text ?? text;
  showName(title, concept, shown);
  leave(naming);
  tell(shown === text ? "Label saved" : `Saved; “${shown}” has more votes and stays shown`);
}

async function tellClash(naming) {
  naming.known = said(naming.concept);
  const label = await naming.known;
  naming.note.textContent = label
    ? `Somebody wrote “${label.text}” meanwhile. Enter writes yours over it, Esc keeps theirs.`
    : "It was removed meanwhile. Enter adds yours.";
}

/** The label that is shown, if a person wrote it ("any": whoever did). */
async function said(concept, whose = "human") {
  try {
    const { data } = await (await fetch(results.dataset.labels.replace("CONCEPT", concept))).json();
    return data.find((one) => one.is_shown && (whose === "any" || one.source === whose)) ?? null;
  } catch {
    return null;
  }
}

function send(concept, text, known) {
  const [headers, body] = [{ "Content-Type": "application/json" }, JSON.stringify({ text })];
  if (!known) return fetch(results.dataset.labels.replace("CONCEPT", concept), { method: "POST", headers, body });
  headers["If-Match"] = `"${known.revision}"`;
  return fetch(results.dataset.label.replace("LABEL", known.id), { method: "PATCH", headers, body });
}

function showName(title, concept, text) {
  title.querySelector("b").textContent = text;
  let number = title.querySelector("span, small");
  if (!number) title.append((number = document.createElement(title.closest("tr") ? "small" : "span")));
  number.textContent = `#${concept}`;
}

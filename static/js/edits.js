// Edits of a photo's concepts: sliders and links rewrite the address, and ask for what the edits would do.
const $ = (selector) => document.querySelector(selector);

let waiting = 0;
let asking = null;

export function startEdits() {
  const place = $("#edits");
  place.addEventListener("input", ({ target }) => turned(target));
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    show(textOf(), { whole: true });
  });
  addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-edit], [data-undo]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const text = link.dataset.edit === undefined ? withoutOne(link) : withOne(link.dataset.edit, link.dataset.to);
    show(text, { whole: true, move: link.dataset.edit !== undefined });
  });
}

function turned(field) {
  if (!field.closest(".knob")) return;
  for (const other of field.closest("label").querySelectorAll("input[type=range], input[type=number]")) {
    if (other !== field) other.value = field.type === "range" ? Number(Number(field.value).toPrecision(3)) : field.value;
  }
  clearTimeout(waiting);
  waiting = setTimeout(() => show(textOf(), { whole: false }), 120);
}

/** The edits as they stand now, in the words of addresses. */
function textOf() {
  return [...document.querySelectorAll(".knob")].map(editOf).join("~");
}

function editOf(knob) {
  const [concept, operation, ...rest] = knob.dataset.editText.split("_");
  const how = knob.querySelector("[name^=how]:checked").value;
  const amount = knob.querySelector(`.by-${how === "clamp" ? "code" : "factor"} input[type=number]`);
  if (amount.value === "" || !amount.checkValidity()) return knob.dataset.editText;
  const patches = operation === "ablate" ? rest : rest.slice(1);
  const value = Number(amount.value);
  const done = how === "clamp" ? ["clamp", value] : value ? ["scale", value] : ["ablate"];
  return [concept, ...done, ...patches].join("_").replace("e+", "e");
}

/** The new edit of a concept in place of an older one: removed, or what the link says. */
function withOne(concept, to = `${concept}_ablate`) {
  const where = chosenPatches();
  const [, operation, amount] = to.split("_"); // what the link says of patches may be old
  const fresh = [concept, operation, ...(operation === "ablate" ? [] : [amount]), ...(where ? [where] : [])].join("_");
  const others = textOf().split("~").filter((one) => one && one.split("_")[0] !== concept);
  return [...others, fresh].join("~");
}

/** The painted patches, or the chosen one, as the address has them; empty for all. */
function chosenPatches() {
  const asked = new URLSearchParams(location.search);
  if (asked.get("painted")) return asked.get("painted");
  if (!asked.get("patch")) return "";
  const [row, col] = asked.get("patch").split(",").map(Number);
  return String(row * JSON.parse($("#patches").textContent).cols + col);
}

function withoutOne(link) {
  const gone = link.closest(".knob");
  return [...document.querySelectorAll(".knob")].filter((knob) => knob !== gone).map(editOf).join("~");
}

async function show(text, { whole, move = false }) {
  const url = new URL(location.href);
  if (text) url.searchParams.set("edits", text);
  else url.searchParams.delete("edits");
  history.replaceState(history.state, "", url.pathname + url.search.replaceAll("%2C", ",").replaceAll("%7E", "~"));
  if (!text) return $("#edits").replaceChildren();
  asking?.abort();
  asking = new AbortController();
  const asked = new URLSearchParams([...url.searchParams].filter(([name]) => ["d", "stream", "edits"].includes(name)));
  $("#edits").setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`/_f${url.pathname}/edits?${asked}`, { signal: asking.signal, headers: { "HX-Request": "true" } });
    fill(await answer.text(), { whole: whole || !answer.ok });
    if (move) $("#edit")?.scrollIntoView({ behavior: "smooth", block: "nearest" });
  } catch (fault) {
    if (fault.name === "AbortError") return;
    fill('<div class="problem" role="alert">The server did not answer. Try again in a moment.</div>', { whole: true });
  }
  $("#edits").removeAttribute("aria-busy");
}

function fill(html, { whole }) {
  const parts = new DOMParser().parseFromString(html, "text/html").body;
  const [fresh, here] = [parts.querySelector("#edit-result"), $("#edit-result")];
  if (whole || !fresh || !here) return $("#edits").replaceChildren(...parts.childNodes);
  here.replaceChildren(...fresh.childNodes);
  [...document.querySelectorAll(".knob")].forEach((knob) => (knob.dataset.editText = editOf(knob)));
}

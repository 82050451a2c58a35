// The page of settings: what is chosen is kept by the browser and holds at once.

const root = document.documentElement;
const form = document.querySelector("#settings");
const HEAT = ["mode", "colour", "opacity", "smooth"];

export function startSettings() {
  fill();
  form.addEventListener("input", ({ target }) => keep(target));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const name of ["theme", "contrast", "motion", "keys", "heat", "view", "show", "limit"]) localStorage.removeItem(name);
    hold();
    form.querySelectorAll("option, input").forEach((one) => restore(one));
    tell("Everything is as it was");
  });
}

function restore(one) {
  if (one.type === "range") one.value = one.defaultValue;
  else if (one.matches("option")) one.selected = one.defaultSelected;
  else one.checked = one.defaultChecked;
  if (one.type === "range") one.nextElementSibling.value = `${one.value}\u2009%`;
}

function fill() {
  for (const name of ["theme", "contrast", "motion"]) choose(name, localStorage.getItem(name) ?? "system");
  choose("view", localStorage.getItem("view") ?? "cards");
  form.elements.keys.checked = localStorage.getItem("keys") !== "off";
  const heat = JSON.parse(localStorage.getItem("heat") ?? "{}");
  for (const name of HEAT) if (heat[name] !== undefined) choose(name, heat[name]);
  const shown = (localStorage.getItem("show") ?? "").split(",");
  ["first", "second"].forEach((name, place) => shown[place] && choose(name, shown[place]));
  choose("limit", localStorage.getItem("limit") ?? form.elements.limit.value);
}

function choose(name, value) {
  const field = form.elements[name];
  if (field.type === "checkbox") field.checked = value === "1";
  else field.value = value;
  if (field.type === "range") field.nextElementSibling.value = `${field.value}\u2009%`;
}

function keep(target) {
  const name = target.name;
  if (target.type === "range") target.nextElementSibling.value = `${target.value}\u2009%`;
  if (HEAT.includes(name)) keepHeat();
  else if (name === "keys") store("keys", target.checked ? "on" : "off");
  else if (name === "first" || name === "second") keepColumns();
  else if (name === "limit") store("limit", target.value === target.querySelector("[selected]").value ? null : target.value);
  else store(name, ["system", "cards"].includes(target.value) ? null : target.value);
  hold();
  tell("Kept");
}

function keepHeat() {
  const heat = JSON.parse(localStorage.getItem("heat") ?? "{}");
  for (const name of HEAT) {
    const field = form.elements[name];
    heat[name] = field.type === "checkbox" ? (field.checked ? "1" : "0") : field.value;
  }
  store("heat", JSON.stringify(heat));
}

function keepColumns() {
  const columns = [form.elements.first.value, form.elements.second.value];
  const usual = [...form.querySelectorAll("option[data-usual]")].map((one) => one.value);
  store("show", columns.join() === usual.join() || columns[0] === columns[1] ? null : columns.join());
}

function store(name, value) {
  if (value === null) localStorage.removeItem(name);
  else localStorage.setItem(name, value);
}

/** Let what was kept hold on this page, too. */
function hold() {
  const theme = localStorage.getItem("theme");
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.querySelector("#contrast").media = localStorage.getItem("contrast") === "more" ? "all" : "(prefers-contrast: more)";
  if (localStorage.getItem("motion")) root.dataset.motion = "less";
  else delete root.dataset.motion;
}

function tell(text) {
  const line = document.querySelector("#kept");
  line.textContent = "";
  requestAnimationFrame(() => { line.textContent = text; });
}

// The entropy slider: its numbers, and never the lower end above the upper one.

export function startStreams() {
  const form = document.querySelector("#entropy-form");
  form.addEventListener("input", ({ target }) => settle(form, target), { capture: true });
  form.addEventListener("submit", (event) => event.preventDefault());
}

function settle(form, moved) {
  const [low, high] = form.querySelectorAll("[type=range]");
  if (Number(low.value) > Number(high.value)) (moved === low ? high : low).value = moved.value;
  for (const field of form.querySelectorAll("[type=range]")) field.parentElement.querySelector("output").value = field.value;
}

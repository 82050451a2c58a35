// Light, dark, or as the system has it.

const ORDER = ["system", "light", "dark"];
const root = document.documentElement;

export function startTheme() {
  const button = document.querySelector("#theme");
  label(button);
  button.addEventListener("click", () => {
    const next = ORDER[(ORDER.indexOf(root.dataset.theme ?? "system") + 1) % ORDER.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // No storage: the choice holds for this page.
    }
    label(button);
  });
}

function label(button) {
  button.setAttribute("aria-label", `Theme: ${root.dataset.theme ?? "system"}`);
}

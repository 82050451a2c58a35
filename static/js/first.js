// Runs before the first paint: theme and display choices, so that nothing flashes. Classic script, no dependencies.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const early = [];
  const keep = (event) => early.push(event);
  addEventListener("keydown", keep);
  /** Keys pressed before the modules had come: `keys.js` asks for them once, and listens itself from then on. */
  globalThis.takeEarlyKeys = () => (removeEventListener("keydown", keep), early);
  const asked = new URLSearchParams(location.search);
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("contrast") === "more") document.querySelector("#contrast").media = "all";
    if (localStorage.getItem("motion") === "less") root.dataset.motion = "less";
    const size = localStorage.getItem("size");
    if (size) root.dataset.size = size;
    // The next page is made ready once this one is painted: no frame comes before it is shown.
    const stepping = sessionStorage.getItem("stepping") ?? "perhaps";
    requestAnimationFrame(() => setTimeout(() => (root.dataset.stepping = stepping), 250));
    const stored = JSON.parse(localStorage.getItem("heat") || "{}");
    for (const name of ["heat", "mode", "smooth", "scale"]) {
      const value = asked.get(name) ?? stored[name];
      if (value !== undefined) root.dataset[name] = value;
    }
  } catch {
    // No storage: defaults.
  }
})();

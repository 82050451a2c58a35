// Runs before the first paint: theme and display choices, so that nothing flashes. Classic script, no dependencies.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const asked = new URLSearchParams(location.search);
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    const size = localStorage.getItem("size");
    if (size) root.dataset.size = size;
    const stored = JSON.parse(localStorage.getItem("heat") || "{}");
    for (const name of ["heat", "mode", "smooth", "scale"]) {
      const value = asked.get(name) ?? stored[name];
      if (value !== undefined) root.dataset[name] = value;
    }
  } catch {
    // No storage: defaults.
  }
})();

// How a visitor likes the grid to begin, written into the links that lead there: the address still says all that is seen.

const NAMES = ["view", "show", "limit"];

export function startDefaults() {
  addEventListener("click", ({ target }) => {
    const link = target.closest?.("a[href]");
    if (link && link.origin === location.origin && isGrid(link.pathname) && !isGrid(location.pathname)) prefer(link);
  }, true);
}

function isGrid(path) {
  return /^\/d\/[^/]+\/c$/.test(path);
}

function prefer(link) {
  const url = new URL(link.href);
  for (const name of NAMES) {
    const value = liked(name);
    if (name === "show" && url.searchParams.get("view") === "table") continue; // two numbers are a card's
    if (value && !url.searchParams.has(name)) url.searchParams.set(name, value);
  }
  link.href = url.pathname + url.search.replaceAll("%2C", ",") + url.hash;
}

function liked(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

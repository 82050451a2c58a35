// Copies text, and says whether it did.

export function copyText(text, done) {
  const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
  return copied.then(() => done, () => "The browser does not let this page copy").then(tell);
}

/** A few words for a moment, read out, too. */
export function tell(text) {
  const toast = document.querySelector("#toast");
  toast.textContent = text;
  setTimeout(() => (toast.textContent = ""), 3000);
}

/** Buttons that copy what stands elsewhere on the page. */
export function startCopying() {
  addEventListener("click", ({ target }) => {
    const from = target.closest?.("[data-copy]")?.dataset.copy;
    if (from) copyText(document.querySelector(from).textContent, "Copied");
  });
}

// Finds terms of the glossary by what is written in them.

export function startGlossary() {
  const field = document.querySelector("#sift");
  const terms = [...document.querySelectorAll(".terms > div")].map((one) => [one, `${one.id} ${one.textContent}`.toLowerCase()]);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const [one, text] of terms) {
      one.hidden = !words.every((word) => text.includes(word));
      n += !one.hidden;
    }
    for (const section of document.querySelectorAll(".glossary .section")) section.hidden = !section.querySelector(".terms > div:not([hidden])");
    document.querySelector("#no-term").hidden = n > 0;
    document.querySelector("#sifted").textContent = words.length ? `${n} of ${terms.length}` : "";
  });
}

// Pictures that wait in <noscript> until they are nearly seen: browsers fetch lazy ones thousands of pixels early.

const NEAR = "40px 0px";

export function startLater() {
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      show(target);
    }
  }, { rootMargin: NEAR });
  for (const one of document.querySelectorAll(".sprite.later")) watch.observe(one);
}

function show(place) {
  const text = place.querySelector("noscript").textContent;
  const picture = new DOMParser().parseFromString(text, "text/html").querySelector(".sprite");
  for (const image of picture.querySelectorAll("img")) image.loading = "eager";
  place.replaceWith(picture);
}

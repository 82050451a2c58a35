// The form that takes a photo: drop and paste, the camera where there is one, what goes on while it is sent.
const form = document.querySelector("#analyze");

export function startAnalyze() {
  const [file, camera, drop] = ["#file", "#camera", "#drop"].map((name) => form.querySelector(name));
  if (matchMedia("(pointer: coarse)").matches) {
    camera.disabled = false;
    drop.classList.add("with-camera");
  }
  camera.addEventListener("change", () => take(camera.files, file));
  file.addEventListener("change", () => told(file.files[0]));
  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget === null && drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files, file);
  });
  addEventListener("paste", (event) => event.clipboardData.files.length && take(event.clipboardData.files, file));
  form.addEventListener("change", fewEnough);
  form.addEventListener("submit", ({ submitter }) => {
    camera.disabled = true;
    if (submitter?.name === "image") file.disabled = true; // the example is what is meant
    say("Sent. The photo is decoded, the model looks at it, the dictionary tells what it saw …");
    form.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    file.disabled = false;
    form.removeAttribute("aria-busy");
  });
}

function take(files, file) {
  if (!files.length) return;
  const given = new DataTransfer();
  given.items.add(files[0]);
  file.files = given.files;
  told(files[0]);
  form.requestSubmit(form.querySelector("button.main"));
}

function told(one) {
  if (one) say(`${one.name || "The photo"}, ${(one.size / 1e6).toFixed(1)} MB`);
}

function say(text) {
  document.querySelector("#doing").textContent = text;
}

/** No more dictionaries than may be asked for at once, and at least one. */
function fewEnough() {
  const boxes = [...form.querySelectorAll("input[name=dictionary]")];
  const most = Number(form.querySelector("[data-most]").dataset.most);
  const n = boxes.filter((box) => box.checked).length;
  for (const box of boxes) box.disabled = !box.checked && n >= most;
  boxes[0].setCustomValidity(n ? "" : "Choose a dictionary.");
}

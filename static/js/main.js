// Starts everything; tells the parts when htmx has brought something new.
import { startConcept, showBand } from "./concept.js";
import { startCopying } from "./copy.js";
import { startDefaults } from "./defaults.js";
import { redraw, startHeat, writeAddress } from "./heat.js";
import { startKeys } from "./keys.js";
import { startReadout } from "./readout.js";
import { startTheme } from "./theme.js";

startTheme();
startHeat();
startReadout();
startKeys();
startConcept();
startCopying();
startDefaults();
if (document.querySelector(".later")) import("./later.js").then(({ startLater }) => startLater());
if (document.querySelector("#sift")) import("./glossary.js").then(({ startGlossary }) => startGlossary());
if (document.querySelector("#settings")) import("./settings.js").then(({ startSettings }) => startSettings());
if (document.querySelector("brush-plot")) import("./brush.js");
if (document.querySelector("#selection")) import("./grid.js").then(({ startGrid }) => startGrid());
if (document.querySelector("#live")) import("./jobs.js").then(({ startJobs }) => startJobs());
if (document.querySelector(".linked")) import("./pairs.js").then(({ startPairs }) => startPairs());
if (document.querySelector("[data-picks]")) import("./picks.js").then(({ startPicks }) => startPicks());
if (document.querySelector("#entropy-form")) import("./streams.js").then(({ startStreams }) => startStreams());
if (document.querySelector("table[data-ranges]")) import("./matrix.js").then(({ startMatrix }) => startMatrix());
if (document.querySelector("#stage") && document.querySelector("#patches")) import("./image.js").then(({ startImage }) => startImage());

if (document.querySelector("#map")) import("./map.js").then(({ startMap }) => startMap());
if (document.querySelector("#analyze")) import("./analyze.js").then(({ startAnalyze }) => startAnalyze());
if (document.querySelector("[data-page=analysis] #concept")) import("./chosen.js").then(({ startChosen }) => startChosen());
if (document.querySelector("#edits")) import("./edits.js").then(({ startEdits }) => startEdits());

const body = document.body;
body.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-plot]");
  if (button) import("./plots.js").then(({ act }) => act(button));
});
body.addEventListener("htmx:beforeRequest", ({ detail }) => detail.target.setAttribute("aria-busy", "true"));
body.addEventListener("htmx:afterRequest", ({ detail }) => detail.target.removeAttribute("aria-busy"));
body.addEventListener("htmx:afterSettle", () => {
  redraw();
  showBand();
});
body.addEventListener("htmx:pushedIntoHistory", writeAddress);
for (const kind of ["htmx:sendError", "htmx:timeout"]) {
  body.addEventListener(kind, ({ detail }) => {
    const notice = document.createElement("div");
    notice.className = "problem";
    notice.setAttribute("role", "alert");
    notice.textContent = "The server did not answer. What you asked for is kept: try again in a moment. ";
    const again = document.createElement("button");
    again.textContent = "Try again";
    again.addEventListener("click", () => location.reload());
    notice.append(again);
    detail.target.replaceChildren(notice);
  });
}

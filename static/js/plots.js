// What a plot's buttons do: a large window, and files of its drawing and of its table.
import { tell } from "./copy.js";
import { drawingOf } from "./drawing.js";
import { enlarge } from "./enlarged.js";

const ACTS = { enlarge, svg: saveDrawing, png: savePicture, csv: saveTable };
const TIMES = 2; // pixels of a PNG for each user unit

/** What a button says, to the plot that it belongs to. */
export const act = (button) => ACTS[button.dataset.plot](button.closest(".plot"), button);

function saveDrawing(plot) {
  save(plot, "svg", new Blob([drawingOf(plot).text], { type: "image/svg+xml" }));
}

async function savePicture(plot) {
  const { text, width, height } = drawingOf(plot);
  const picture = new Image();
  picture.src = `data:image/svg+xml,${encodeURIComponent(text)}`; // img-src allows data:, but no blob:
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [TIMES * width, TIMES * height];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => save(plot, "png", blob));
}

/** The table below as RFC 4180: numbers with the digits that the page has, the rest as shown. */
function saveTable(plot) {
  const rows = [...plot.querySelector("table").rows].map((row) => [...row.cells].map(field).join(","));
  const says = plot.querySelector(".plot-foot .quiet")?.textContent ?? `${rows.length - 1} rows`;
  save(plot, "csv", new Blob([rows.map((row) => `${row}\r\n`).join("")], { type: "text/csv" }), `: ${says}`);
}

function field(cell) {
  const text = cell.dataset.n ?? cell.textContent.trim().replace(/^–$/, "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A file named after page and plot: lite0-blocks6-c-5-histogram-patch.svg. */
function save(plot, kind, blob, more = "") {
  const page = location.pathname.split("/").filter((part) => part && part !== "d");
  const link = document.createElement("a");
  link.download = `${[...page, plot.id].join("-")}.${kind}`;
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  tell(`Saved ${link.download}${more}`);
}

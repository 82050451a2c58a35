// Jobs as they go: server-sent events say that something is new, and the page asks for it; without them, every 5 s.
import { tell } from "./copy.js";

const POLL_MS = 5000;
const GATHER_MS = 300;
const live = document.querySelector("#live");
const log = document.querySelector("#log");
let polling = 0;
let due = 0;

export function startJobs() {
  scrollLog();
  if ("ended" in live.dataset) return;
  const source = new EventSource(live.dataset.events);
  source.addEventListener("open", stopPolling);
  source.addEventListener("error", startPolling);
  source.addEventListener("job", refreshSoon);
  source.addEventListener("log", ({ data }) => addLine(JSON.parse(data)));
  source.addEventListener("end", () => {
    source.close();
    stopPolling();
    refreshSoon();
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}

function startPolling() {
  polling ||= setInterval(() => {
    refresh();
    readLog();
  }, POLL_MS);
}

function stopPolling() {
  clearInterval(polling);
  polling = 0;
}

function refreshSoon() {
  due ||= setTimeout(refresh, GATHER_MS);
}

async function refresh() {
  clearTimeout(due);
  due = 0;
  try {
    const answer = await fetch(live.dataset.fragment);
    if (answer.ok) show(await answer.text());
  } catch {
    // The server is away; the next event or turn tries again.
  }
}

function show(text) {
  const before = states();
  const open = [...live.querySelectorAll("details[open][id]")].map(({ id }) => id);
  const focused = live.contains(document.activeElement) ? address(document.activeElement) : "";
  live.innerHTML = text;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) live.querySelector(focused)?.focus({ preventScroll: true });
  announce(before);
}

function address(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const href = element.getAttribute("href");
  return href ? `a[href="${CSS.escape(href)}"]` : "";
}

function states() {
  return new Map([...live.querySelectorAll("[data-job]")].map(({ dataset }) => [dataset.job, dataset]));
}

function announce(before) {
  const news = [...states()]
    .filter(([job, { state }]) => before.has(job) && before.get(job).state !== state)
    .map(([job, { state, title }]) => `Job ${job}, ${title}: ${state}`);
  if (news.length) tell(news.join(". "));
}

async function readLog() {
  if (!log) return;
  try {
    const answer = await fetch(`${log.dataset.url}?after=${log.dataset.last}`);
    if (answer.ok) (await answer.json()).data.forEach(addLine);
  } catch {
    // As above.
  }
}

function addLine({ id, at, level, text }) {
  if (!log || id <= Number(log.dataset.last)) return;
  log.dataset.last = id;
  const line = document.createElement("li");
  line.className = level;
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = at.slice(11, 19);
  const said = document.createElement("span");
  said.textContent = text;
  line.append(time, " ", said);
  log.append(line);
  scrollLog();
}

function scrollLog() {
  if (log && document.querySelector("#follow").checked) log.scrollTop = log.scrollHeight;
}

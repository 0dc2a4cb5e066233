// One stream for all tabs: the tab that holds the lock listens, the others are told. A tab that hears of news, or has heard
// nothing for a while, asks for its own page again and takes over what changed; where the reader is, nothing moves.
import { retell } from "./clock.js";
import { say, showCopying } from "./comforts.js";
import { takeRows } from "./lists.js";

const POLL_MS = 5000;
const STALE_MS = 15_000;
const LEAST_MS = 2000;
const SETTLED_MS = 3000;
const AGAIN_MS = 15_000;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("lockstep-live") : null;
const pill = document.querySelector("[data-live-pill]");
let heard = Date.now();
let asked = 0;
let paused = false;
let waiting = null;
let signedOut = false;

function news() {
  if (waiting || paused || signedOut || document.hidden) return;
  waiting = setTimeout(refresh, Math.max(0, asked + LEAST_MS - Date.now()));
}

function busy() {
  const at = document.activeElement;
  const typing = at && at.matches("input:not([type=checkbox]), textarea, select") && at.closest("[data-live]");
  return Boolean(document.querySelector("dialog[open]") || typing);
}

async function refresh() {
  waiting = null;
  asked = Date.now();
  if (paused || busy()) return;
  try {
    // By this Accept the server knows that no person asks: a session does not last longer by it.
    const headers = { Accept: "text/html, text/event-stream" };
    // Of what is new, the server tells how much came since the rows were made that the reader sees.
    const shown = document.querySelector("[data-shown]")?.dataset.shown;
    if (shown) headers["Lockstep-Shown-At"] = shown;
    const answer = await fetch(location.href, { headers, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      signedOut = true;
      tell();
      return;
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (paused || busy()) return;
    takeOver(fresh);
    heard = Date.now();
    tell();
  } catch {
    tell(); // no answer: the pill says for how long
  }
}

function takeOver(fresh) {
  // As this page shows it, so that only what really differs is replaced.
  retell(fresh);
  showCopying(fresh);
  document.body.dataset.from = fresh.body.dataset.now;
  for (const region of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(region.id);
    if (!now) continue;
    if (region.matches("[data-list]")) takeRows(region, now);
    else if (region.innerHTML !== now.innerHTML) replace(region, now);
  }
}

function unread(region, now) {
  // What was read before stays, below the note that says how old it is.
  const note = now.querySelector("[data-unread]");
  if (!note) return false;
  const before = region.querySelector("[data-unread]");
  if (before) before.replaceWith(note); else region.prepend(note);
  return true;
}

function replace(region, now) {
  if (unread(region, now)) return;
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? [...region.querySelectorAll("a, button, summary, input")].indexOf(focused) : -1;
  const open = [...region.querySelectorAll("details")].map((each) => each.open);
  region.replaceChildren(...now.childNodes);
  [...region.querySelectorAll("details")].forEach((each, at) => { if (open[at]) each.open = true; });
  if (place >= 0) [...region.querySelectorAll("a, button, summary, input")][place]?.focus({ preventScroll: true });
  const spoken = region.dataset.say ? region.querySelector("[data-spoken]")?.textContent : "";
  if (spoken) say(spoken.trim());
}

function tell() {
  if (!pill) return;
  const words = pill.querySelector("span");
  const since = Math.round((Date.now() - heard) / 1000);
  const stale = Date.now() - heard > STALE_MS;
  pill.dataset.state = signedOut || stale ? "stale" : paused ? "paused" : "live";
  pill.setAttribute("aria-pressed", String(paused));
  let text = `Live · ${since} s ago`;
  if (stale) text = `Not live, ${since} s`;
  if (paused) text = `Paused, ${since} s old`;
  if (signedOut) text = "Signed out";
  if (words.textContent !== text) words.textContent = text;
  pill.title = paused ? "Go on" : "Pause";
}

function listen() {
  const source = new EventSource("/v1/stream");
  const pass = () => { channel?.postMessage("news"); heard = Date.now(); news(); };
  for (const name of ["case", "now", "connections", "reset"]) source.addEventListener(name, pass);
  source.onerror = () => {
    // Refused for good, for example because too many are open: pages are asked for in turns meanwhile.
    if (source.readyState === EventSource.CLOSED && !signedOut) setTimeout(listen, AGAIN_MS);
  };
  addEventListener("pagehide", () => source.close());
}

function lead() {
  // Held for as long as this tab lives; the next tab in line becomes the listener. A page that is left at once opens none.
  setTimeout(listen, SETTLED_MS);
  return new Promise(() => {});
}

export function startLive() {
  if (!document.querySelector("[data-live]") || !pill) return;
  pill.hidden = false;
  pill.addEventListener("click", () => {
    paused = !paused;
    if (!paused) refresh();
    tell();
  });
  channel?.addEventListener("message", () => { heard = Date.now(); news(); });
  // Whoever may not follow gets no stream; the pages are asked for in turns.
  if (navigator.locks && "follows" in pill.dataset) navigator.locks.request("lockstep-stream", lead);
  setInterval(() => { if (Date.now() - asked >= POLL_MS) news(); }, 1000);
  setInterval(tell, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) news(); });
  tell();
}

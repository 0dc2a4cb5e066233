// Keys. Letters can be switched off in the settings, work on lists and pages but never while something is typed, and none of
// them sends anything: they move, tick, open, or put the focus on a button that Enter presses.
import { listOf, move, rowAt, tick } from "./lists.js";
import { openPalette } from "./palette.js";

let going = 0;

const typing = (at) => at && (at.isContentEditable || at.matches("textarea, select, input:not([type=checkbox], [type=radio])"));

function go(key) {
  going = 0;
  const link = document.querySelector(`nav a[data-go="${CSS.escape(key)}"]`);
  if (link) location.assign(link.href);
  return Boolean(link);
}

function onPage(key) {
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"], [data-card="${CSS.escape(key)}"]`)];
  const usable = found.filter((each) => !each.disabled && !each.closest("[hidden]") && each.getClientRects().length + (each.closest("details") ? 1 : 0));
  // Of several, the one of the card where the reader is.
  const card = document.activeElement?.closest("article, tr");
  const target = usable.find((each) => card?.contains(each)) ?? usable[0];
  if (!target) return false;
  const fold = target.closest("details:not([open])");
  if (fold) fold.open = true;
  if (target.matches("a[href]")) target.click();
  else (target.matches("details") ? target.querySelector("summary") : target).focus();
  target.scrollIntoView({ block: "nearest" });
  return true;
}

function inList(event) {
  const link = rowAt()?.querySelector("a");
  switch (event.key) {
    case "j": move(1); return true;
    case "k": move(-1); return true;
    case "x": tick(false); return true;
    case "X": tick(true); return true;
    case "o": if (link) open(link.href, "_blank", "noopener"); return Boolean(link);
    case "Enter":
      if (link && document.activeElement.matches("tr.at a, body, td.tick input")) { location.assign(link.href); return true; }
      return false;
    default: return false;
  }
}

function letter(event) {
  if (going && Date.now() - going < 1500) return go(event.key);
  switch (event.key) {
    case "g": going = Date.now(); return true;
    case "/": (document.querySelector("[data-filter]") ?? document.querySelector("#find"))?.focus(); return true;
    case "?": openPalette("keys"); return true;
    case ".": openPalette("actions"); return true;
    default: return (listOf() && inList(event)) || onPage(event.key);
  }
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette("all");
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (typing(document.activeElement)) {
      if (event.key === "Escape") document.activeElement.blur();
      return;
    }
    if (document.documentElement.dataset.keys === "off") return;
    if (event.key.length > 1 && event.key !== "Enter") return;
    if (letter(event)) event.preventDefault();
  });
}

// Tick-lists. Rows change in place, new ones wait behind "4 new, show", and nothing that was ticked moves or goes.
import { retell } from "./clock.js";
import { say } from "./comforts.js";

const rowsOf = (list) => [...list.querySelectorAll("tr[data-row]")];
const tickOf = (row) => row.querySelector("td.tick input");
let last = null;

export const listOf = () => document.querySelector("[data-list]");
export const rowAt = () => document.querySelector("tr.at");

export function takeRows(list, now) {
  const fresh = new Map(rowsOf(now).map((row) => [row.dataset.row, row]));
  for (const row of rowsOf(list)) {
    const next = fresh.get(row.dataset.row);
    fresh.delete(row.dataset.row);
    row.classList.toggle("gone", !next);
    if (next) update(row, next);
  }
  offer(list, now, fresh.size);
}

function update(row, next) {
  const cells = [...row.children];
  [...next.children].forEach((cell, at) => {
    const mine = cells[at];
    if (!mine || mine.classList.contains("tick")) return;
    if (mine.innerHTML !== cell.innerHTML && !mine.contains(document.activeElement)) {
      mine.innerHTML = cell.innerHTML;
      row.classList.remove("flash");
      requestAnimationFrame(() => row.classList.add("flash"));
    }
  });
  const tick = tickOf(row);
  const newer = tickOf(next);
  // A row that is ticked keeps the version it was ticked at: a decision names what its maker saw.
  if (tick && newer && !tick.checked) tick.value = newer.value;
}

function told(list, now, rows) {
  // How many came at all and how many of them fit here, as the server counts them; rows can also come in by a change.
  const [came, fit] = [Number(now.dataset.new ?? 0), Math.max(Number(now.dataset.fit ?? 0), rows)];
  if (!("narrowed" in list.dataset) || came < fit) return [fit, `${fit} new`];
  return [fit, `${came} new, ${fit || "none"} ${fit === 1 || !fit ? "fits" : "fit"} this filter`];
}

function offer(list, now, rows) {
  const bar = document.querySelector(".fresh");
  if (!bar) return;
  const [fit, text] = told(list, now, rows);
  if (!rows && !Number(now.dataset.new ?? 0)) { delete bar.dataset.count; return; }
  if (bar.dataset.count !== text) say(text);
  bar.dataset.count = text;
  const button = bar.querySelector("button");
  button.hidden = !fit;
  button.textContent = `${text}, show`;
  const aside = bar.querySelector("[data-told]");
  if (aside) aside.textContent = fit ? "" : text;
  button.onclick = () => {
    const ticked = new Map(rowsOf(list).filter((row) => tickOf(row)?.checked).map((row) => [row.dataset.row, tickOf(row).value]));
    list.querySelector("tbody").replaceChildren(...now.querySelector("tbody").childNodes);
    for (const row of rowsOf(list)) {
      if (!ticked.has(row.dataset.row)) continue;
      tickOf(row).checked = true;
      tickOf(row).value = ticked.get(row.dataset.row);
    }
    if (now.dataset.shown) list.dataset.shown = now.dataset.shown;
    delete bar.dataset.count;
    retell(list);
    count_();
    rowsOf(list)[0]?.querySelector("a")?.focus();
  };
}

function count_() {
  const list = listOf();
  const bar = document.querySelector("[data-chosen]");
  if (!list || !bar) return;
  let count = 0;
  for (const row of rowsOf(list)) {
    const on = Boolean(tickOf(row)?.checked);
    row.classList.toggle("ticked", on);
    count += on ? 1 : 0;
  }
  const all = bar.querySelector("[data-all]");
  const many = all?.checked ? Number(all.dataset.all) : count;
  bar.querySelector("[data-count]").textContent = many ? `${many.toLocaleString("en").replaceAll(",", "\u202f")} chosen` : "None chosen";
  for (const button of bar.querySelectorAll("button[data-verb]")) {
    button.disabled = !many;
    button.textContent = many ? button.dataset.verb.replace("#", many.toLocaleString("en").replaceAll(",", "\u202f")) : button.dataset.idle;
  }
}

export function move(by) {
  const rows = listOf() ? rowsOf(listOf()) : [];
  if (!rows.length) return;
  const at = rows.indexOf(rowAt());
  const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  rowAt()?.classList.remove("at");
  next.classList.add("at");
  const link = next.querySelector("a");
  link?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

export function tick(range) {
  const row = rowAt();
  const box = row && tickOf(row);
  if (!box) return;
  box.checked = range ? true : !box.checked;
  spread(row, range);
  count_();
}

function spread(row, range) {
  const rows = rowsOf(listOf());
  if (range && last && rows.includes(last)) {
    const [from, to] = [rows.indexOf(last), rows.indexOf(row)].sort((a, b) => a - b);
    for (const each of rows.slice(from, to + 1)) tickOf(each).checked = tickOf(row).checked;
  }
  last = row;
}

export function startLists() {
  const list = listOf();
  if (!list) return;
  const head = list.querySelector("th.tick");
  if (head) {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", `Tick these ${rowsOf(list).length}`);
    box.addEventListener("change", () => {
      for (const row of rowsOf(list)) if (tickOf(row)) tickOf(row).checked = box.checked;
      count_();
    });
    head.replaceChildren(box);
  }
  list.addEventListener("click", (event) => {
    const box = event.target.closest("td.tick input");
    if (box) { spread(box.closest("tr"), event.shiftKey); count_(); }
  });
  list.addEventListener("focusin", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (row) { rowAt()?.classList.remove("at"); row.classList.add("at"); }
  });
  document.addEventListener("change", (event) => { if (event.target.closest("[data-chosen]")) count_(); });
  count_();
}

// Copying, menus that close, one region that speaks, and guards against sending a form twice.
let spoken = 0;
let pending = "";

export function say(text) {
  // At most once in five seconds: a screen reader must not be talked to all the time.
  const region = document.querySelector("[data-status]");
  const wait = spoken + 5000 - Date.now();
  if (wait > 0) {
    if (!pending) setTimeout(() => { const last = pending; pending = ""; say(last); }, wait);
    pending = text;
    return;
  }
  spoken = Date.now();
  region.textContent = text;
}

export function showCopying(root = document) {
  if (navigator.clipboard) for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

function copying() {
  if (!navigator.clipboard) return;
  showCopying();
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    say("Copied");
    const before = [...button.childNodes];
    button.textContent = "Copied";
    setTimeout(() => button.replaceChildren(...before), 1500);
  });
}

export function startComforts() {
  copying();
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open], details.person[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open], details.person[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 4000);
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
}

// The command palette (Ctrl K), the actions of a page (.) and the list of keys (?), which the server tells.
let opener = null;

function make() {
  const dialog = document.createElement("dialog");
  dialog.addEventListener("close", () => { dialog.remove(); opener?.focus(); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  return dialog;
}

function commands(which) {
  const found = [];
  if (which === "all") {
    for (const link of document.querySelectorAll(".side nav a")) {
      found.push({ text: `Go to ${link.textContent.trim()}`, key: `g ${link.dataset.go}`, run: () => location.assign(link.href) });
    }
  }
  for (const each of document.querySelectorAll("main :is(a.button, button.button, details[data-act] > summary)")) {
    if (each.disabled || each.closest("[hidden]")) continue;
    const text = (each.dataset.says ?? each.textContent).trim().replace(/\s+/g, " ");
    // A button is not pressed from here, it is gone to: nothing is sent by one key.
    const run = () => { const fold = each.closest("details"); if (fold) fold.open = true; if (each.matches("a")) each.click(); else each.focus(); };
    if (text) found.push({ text, key: each.dataset.key ?? each.closest("[data-key]")?.dataset.key ?? "", run });
  }
  if (which === "all") found.push({ text: "Keys", key: "?", run: () => openPalette("keys") });
  return found;
}

function score(text, wanted) {
  let at = -1;
  let points = 0;
  for (const letter of wanted) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return -1;
    points += next === at + 1 ? 3 : text[next - 1] === " " ? 2 : 0;
    at = next;
  }
  return points - text.length / 100;
}

function keysDialog() {
  const dialog = make();
  dialog.setAttribute("aria-labelledby", "keys-h");
  const head = document.createElement("header");
  const title = document.createElement("h2");
  title.id = "keys-h";
  title.textContent = "Keys";
  const close = document.createElement("button");
  close.className = "button slim";
  close.textContent = "Close";
  close.onclick = () => dialog.close();
  head.append(title, close);
  const inside = document.createElement("div");
  inside.className = "in";
  dialog.append(head, inside);
  dialog.showModal();
  fetch("/keys", { headers: { Accept: "text/html, text/event-stream" } })
    .then(async (answer) => {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      inside.replaceChildren(page.getElementById("keys-list") ?? "They cannot be read now.");
    })
    .catch(() => { inside.textContent = "They cannot be read now."; });
}

export function openPalette(which) {
  opener = document.activeElement;
  if (which === "keys") { keysDialog(); return; }
  const known = commands(which);
  const dialog = make();
  dialog.className = "palette";
  dialog.setAttribute("aria-label", which === "all" ? "Commands" : "Actions of this page");
  const field = document.createElement("input");
  Object.assign(field, { type: "text", placeholder: which === "all" ? "Type a command" : "Which action?", autocomplete: "off" });
  const about = { role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": "Command" };
  for (const [name, value] of Object.entries(about)) field.setAttribute(name, value);
  const list = document.createElement("ul");
  list.id = "palette-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Commands");
  dialog.append(field, list);
  let shown = [];
  let at = 0;
  const mark = () => {
    [...list.children].forEach((each, here) => each.setAttribute("aria-selected", String(here === at)));
    field.setAttribute("aria-activedescendant", list.children[at]?.id ?? "");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const choose = (command) => { opener = null; dialog.close(); command?.run(); };
  const draw = () => {
    const wanted = field.value.toLowerCase().replaceAll(" ", "");
    shown = known.map((each) => [score(each.text.toLowerCase(), wanted), each]).filter(([points]) => !wanted || points >= 0);
    if (wanted) shown.sort((a, b) => b[0] - a[0]);
    shown = shown.map(([, each]) => each);
    list.replaceChildren(...shown.map((each, here) => {
      const option = document.createElement("li");
      option.id = `palette-${here}`;
      option.setAttribute("role", "option");
      option.textContent = each.text;
      if (each.key) { const kbd = document.createElement("kbd"); kbd.textContent = each.key; option.append(kbd); }
      option.onclick = () => choose(each);
      return option;
    }));
    at = 0;
    mark();
  };
  field.oninput = draw;
  field.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { at = (at + step + shown.length) % Math.max(1, shown.length); mark(); event.preventDefault(); }
    if (event.key === "Enter") { choose(shown[at]); event.preventDefault(); }
  };
  draw();
  dialog.showModal();
  field.focus();
}

export function startPalette() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-help]")) { event.preventDefault(); openPalette("keys"); }
  });
}

// Says two minutes before the session ends, and lets the reader stay. Asking for it is no use of the session.
const EVERY_MS = 30_000;
const WARN_S = 120;
const QUIET = { Accept: "application/json, text/event-stream" };
let dialog = null;

async function ask() {
  const answer = await fetch("/session", { headers: QUIET }).catch(() => null);
  if (!answer?.ok) return;
  const session = await answer.json();
  const left = session.ends_at === null ? Infinity : session.ends_at - session.now;
  if (left > WARN_S) dialog?.close();
  else if (!dialog) warn(session, left);
}

function warn(session, left) {
  dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "ending-h");
  const inside = document.createElement("div");
  inside.className = "in stack";
  const title = document.createElement("h2");
  title.id = "ending-h";
  title.textContent = "You will be signed out";
  const text = document.createElement("p");
  text.textContent = `In about ${Math.max(1, Math.round(left / 60))} min, because nothing was done here. What you typed stays on the page.`;
  const stay = document.createElement("button");
  stay.className = "button go";
  stay.textContent = "Stay signed in";
  stay.onclick = async () => {
    await fetch("/session/extend", { method: "POST", headers: { "X-CSRF-Token": session.csrf_token, Accept: "application/json" } });
    dialog.close();
  };
  inside.append(title, text, stay);
  dialog.append(inside);
  dialog.addEventListener("close", () => { dialog.remove(); dialog = null; });
  document.body.append(dialog);
  dialog.showModal();
}

export function startSession() {
  if (!document.querySelector("input[name=csrf_token]")?.value) return;
  setTimeout(ask, 2000);
  setInterval(ask, EVERY_MS);
}

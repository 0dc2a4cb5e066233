// Ages that go on counting, and absolute times in the reader's zone if that was chosen.
const skew = Number(document.body.dataset.now) * 1000 - Date.now();
const UNITS = [[60, "s", 1], [3600, "min", 60], [172800, "h", 3600], [Infinity, "d", 86400]];

export const serverNow = () => (Date.now() + skew) / 1000;

export function age(seconds) {
  const [, unit, size] = UNITS.find(([below]) => seconds < below);
  return `${Math.max(0, Math.floor(seconds / size))} ${unit}`;
}

function local(at) {
  const when = new Date(at * 1000);
  const pad = (value) => String(value).padStart(2, "0");
  const offset = -when.getTimezoneOffset();
  const zone = `${offset < 0 ? "−" : "+"}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  const day = `${when.getFullYear()}-${pad(when.getMonth() + 1)}-${pad(when.getDate())}`;
  return `${day} ${pad(when.getHours())}:${pad(when.getMinutes())}:${pad(when.getSeconds())} ${zone}`;
}

export function retell(root = document) {
  for (const each of root.querySelectorAll("[data-age]")) {
    const text = `${age(serverNow() - Number(each.dataset.age))} ago`;
    if (each.textContent !== text) each.textContent = text;
  }
  if (document.documentElement.dataset.clock === "local") {
    for (const each of root.querySelectorAll("time[data-at]")) each.textContent = local(Number(each.dataset.at));
  }
}

export function startClock() {
  retell();
  setInterval(retell, 10_000);
}

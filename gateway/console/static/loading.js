// A page that is slow to come: the old one stays as it is and says from when it is. Nothing spins over it.
const AFTER_MS = 150;

export function startLoading() {
  const note = document.querySelector("[data-loading]");
  if (!note) return;
  let timer = 0;
  addEventListener("beforeunload", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const from = new Date(Number(document.body.dataset.from ?? document.body.dataset.now) * 1000);
      note.textContent = `From ${from.toISOString().slice(11, 19)}Z, loading`;
      note.hidden = false;
      document.querySelector("main").setAttribute("aria-busy", "true");
    }, AFTER_MS);
  });
  const end = () => {
    clearTimeout(timer);
    note.hidden = true;
    document.querySelector("main").removeAttribute("aria-busy");
  };
  addEventListener("pageshow", end);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });
}

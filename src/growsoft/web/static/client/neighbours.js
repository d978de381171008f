// Neighbours: the next and the previous record of the list that somebody came from, and the way back to it as it was.
const KEY = `list ${document.getElementById("main")?.dataset.user}`;
const list = document.getElementById("list");

const remember = () => {
  const shown = document.querySelectorAll("#list tbody th[scope=row] a");
  if (!shown.length) return;
  const records = [...shown].map((link) => link.getAttribute("href"));
  sessionStorage.setItem(KEY, JSON.stringify({ at: location.pathname + location.search, records }));
};
if (list) {
  remember();
  document.addEventListener("htmx:after:swap", remember);
}

const known = () => {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
};
const box = document.querySelector("[data-neighbours]");
const came = box && known();
const at = came ? came.records.indexOf(location.pathname) : -1;
if (at >= 0) {
  document.querySelector("[data-back]").href = came.at;
  const link = (name, address) => {
    const element = box.querySelector(`[data-${name}]`);
    if (address) element.href = address;
    else element.setAttribute("aria-disabled", "true");
  };
  link("previous", came.records[at - 1]);
  link("next", came.records[at + 1]);
  const place = box.querySelector("[data-place]");
  place.textContent = place.dataset.of.replace("##", came.records.length).replace("#", at + 1);
  box.hidden = false;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});

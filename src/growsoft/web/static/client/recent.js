// Recent: the records that somebody looked at since this tab was opened, for the start page. Nothing of it leaves the tab.
const RECENT = `recent ${document.getElementById("main")?.dataset.user}`;
const MOST = 8;
const seen = () => {
  try {
    return JSON.parse(sessionStorage.getItem(RECENT) ?? "[]");
  } catch {
    return [];
  }
};

if (/^\/app\/[a-z0-9_.]+\/\d+$/.test(location.pathname) && document.querySelector("h1")) {
  const here = { at: location.pathname, name: document.querySelector("h1").textContent.trim() };
  const kept = [here, ...seen().filter((one) => one.at !== here.at)].slice(0, MOST);
  sessionStorage.setItem(RECENT, JSON.stringify(kept));
}

document.addEventListener("submit", (event) => {
  if (event.target.matches('form[action="/web/logout"]')) sessionStorage.clear();
});

const shown = document.querySelector("[data-recent]");
if (shown && seen().length) {
  for (const one of seen()) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = one.at;
    link.textContent = one.name;
    item.append(link);
    shown.querySelector("ul").append(item);
  }
  shown.hidden = false;
}

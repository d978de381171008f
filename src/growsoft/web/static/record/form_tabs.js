// Tabs: without scripts, and on paper, what they hold stands one below the other (WAI-ARIA, tabs).
const panels = (box) => [...box.children].filter((child) => child.matches("[data-tab]"));

const choose = (box, panel, focus = false) => {
  for (const other of panels(box)) {
    const tab = document.getElementById(`${other.id}-tab`);
    const on = other === panel;
    other.classList.toggle("off", !on);
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    if (on && focus) tab.focus();
  }
};

const build = () => {
  for (const [number, box] of document.querySelectorAll("[data-tabs]:not([data-built])").entries()) {
    const list = document.createElement("div");
    list.className = "tablist";
    list.setAttribute("role", "tablist");
    for (const [place, panel] of panels(box).entries()) {
      const tab = document.createElement("button");
      panel.id ||= `tab-${number}-${place}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", `${panel.id}-tab`);
      tab.id = `${panel.id}-tab`;
      tab.type = "button";
      tab.textContent = panel.dataset.tab;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      list.append(tab);
    }
    box.prepend(list);
    box.dataset.built = "1";
    choose(box, panels(box).find((panel) => panel.querySelector("[aria-invalid=true]")) ?? panels(box)[0]);
  }
};
build();
document.addEventListener("htmx:after:swap", build);

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) choose(tab.closest("[data-tabs]"), document.getElementById(tab.getAttribute("aria-controls")));
});
document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.("[role=tab]");
  if (!tab || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const box = tab.closest("[data-tabs]");
  const all = panels(box);
  const at = all.findIndex((panel) => panel.id === tab.getAttribute("aria-controls"));
  const step = (event.key === "ArrowRight") === (getComputedStyle(box).direction === "ltr") ? 1 : -1;
  const next = { Home: 0, End: all.length - 1 }[event.key] ?? (at + step + all.length) % all.length;
  choose(box, all[next], true);
});

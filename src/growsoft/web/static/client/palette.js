// The palette: lists, records and the actions of this page, by a part of their name. Enter without a choice searches.
const box = document.getElementById("find");
const list = document.getElementById("find-options");
const options = () => [...list.querySelectorAll("[role=option]")];

const show = (on) => {
  list.hidden = !on;
  box.setAttribute("aria-expanded", String(on));
  if (!on) box.removeAttribute("aria-activedescendant");
};

const mark = (option) => {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  box.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
};

const actions = (text) =>
  [...document.querySelectorAll("main .head :is(a, button):not([popover] *)")].filter(
    (one) => one.textContent.trim().toLowerCase().includes(text) && one.checkVisibility(),
  );

// What the page itself can do stands first.
const offer = () => {
  const text = box.value.trim().toLowerCase();
  for (const [place, action] of (text ? actions(text) : []).entries()) {
    const option = document.createElement("li");
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.id = `act-${place}`;
    option.textContent = action.textContent.trim();
    option.addEventListener("act", () => action.click());
    list.querySelector(".none")?.remove();
    list.prepend(option);
  }
  show(Boolean(text));
};

const act = (option) => {
  show(false);
  if (option.dataset.at) location.href = option.dataset.at;
  else option.dispatchEvent(new CustomEvent("act"));
};

if (box) {
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx?.sourceElement === box && document.activeElement === box) offer();
  });
  box.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (list.hidden || !all.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(all[(at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]);
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      act(all[at]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      show(false);
    }
  });
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    event.preventDefault();
    if (option) act(option);
  });
  box.addEventListener("input", () => {
    list.replaceChildren();
    show(false);
  });
  box.addEventListener("focusout", () => show(false));
}

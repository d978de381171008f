// Forms: a guard over what is not saved yet, and lines that come and go.
const guarded = () => document.querySelector("form[data-guard]");
let leaving = false;

const touched = (form) => {
  form.dataset.touched = "1";
  form.querySelector(".unsaved").hidden = false;
};

for (const type of ["input", "change"]) {
  document.addEventListener(type, (event) => {
    const form = event.target.closest("form[data-guard]");
    if (form) touched(form);
  });
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-delete]")) {
    event.target.closest("tr").classList.toggle("deleted", event.target.checked);
  }
});

addEventListener("beforeunload", (event) => {
  if (!leaving && guarded()?.dataset.touched) event.preventDefault();
});
document.addEventListener("submit", (event) => {
  if (event.target === guarded() && !event.target.hasAttribute("hx-post")) leaving = true;
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-discard]")) leaving = true;
});

// A saved form is answered with a redirect; whatever else comes back is the form again, with what is wrong.
document.addEventListener("htmx:after:request", (event) => {
  if (event.detail.ctx.hx?.redirect) leaving = true;
});
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx?.sourceElement?.id === "following") return;
  const form = guarded();
  if (!form?.querySelector("[role=alert]")) return;
  touched(form);
  (form.querySelector("[aria-invalid=true]") ?? form.querySelector("[role=alert]")).focus();
});

document.addEventListener("click", (event) => {
  const add = event.target.closest("[data-add]");
  if (!add) return;
  event.preventDefault();
  const section = add.closest("[data-lines]");
  const line = section.querySelector("template").content.cloneNode(true);
  const key = `n${Date.now()}${section.querySelectorAll("tr").length}`;
  for (const element of line.querySelectorAll("*")) {
    for (const name of element.getAttributeNames()) {
      const value = element.getAttribute(name);
      const renamed = rekeyed(value, section.dataset.lines, key);
      if (renamed !== value) element.setAttribute(name, renamed);
    }
  }
  const row = line.firstElementChild;
  row.querySelector("input[type=hidden]").value = key;
  section.querySelector("tbody").append(line);
  htmx.process(row);
  touched(add.form);
  row.querySelector("input:not([type=hidden]), select, textarea")?.focus();
});

const moved = (row, way) => {
  const other = way === "up" ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (way === "up") other.before(row);
  else other.after(row);
};
document.addEventListener("click", (event) => {
  const mover = event.target.closest("[data-move]");
  if (!mover) return;
  moved(mover.closest("tr"), mover.dataset.move);
  mover.focus();
  touched(mover.closest("form"));
});

// Names are `l.<field>.new.<rest>`, ids the same with dashes.
const rekeyed = (value, field, key) =>
  value.replaceAll(`l.${field}.new.`, `l.${field}.${key}.`).replaceAll(`l-${field}-new-`, `l-${field}-${key}-`);

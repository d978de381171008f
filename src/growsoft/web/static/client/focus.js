// Focus: when a swap takes the focused element away, its successor has the focus, or else the part that came.
let held = null;

document.addEventListener("htmx:before:request", () => {
  const { activeElement } = document;
  held = activeElement === document.body ? null : { id: activeElement.id, form: activeElement.closest("form")?.getAttribute("action") };
});

const successor = (target) => {
  const same = held.id && document.getElementById(held.id);
  if (same) return same;
  const form = held.form && [...document.forms].find((one) => one.getAttribute("action") === held.form);
  return form?.querySelector("button, input:not([type=hidden]), textarea") ?? target;
};

document.addEventListener("htmx:after:swap", (event) => {
  if (!held || document.activeElement !== document.body) return;
  const target = document.getElementById(event.detail.ctx?.target?.id);
  const found = successor(target);
  if (!found) return;
  if (found === target) found.tabIndex = -1;
  found.focus();
});

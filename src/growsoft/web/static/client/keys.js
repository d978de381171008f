// Keys: every shortcut leads to something that is on the page anyway.
const typing = (target) => target.closest("input, textarea, select, [contenteditable], dialog[open]");

const press = (name) => {
  const target = document.querySelector(`[data-key="${name}"]`);
  if (!target) return false;
  if (target.matches("input")) target.select();
  else target.click();
  target.focus();
  return true;
};

const single = { "/": "search", c: "new", e: "edit", j: "following", k: "previous" };

document.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key.toLowerCase() === "k") {
    if (press("find")) event.preventDefault();
  } else if (command && event.key.toLowerCase() === "s") {
    const form = document.querySelector("form.entry");
    if (form) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("[type=submit]:not([name])"));
    }
  } else if (!command && !event.altKey && !typing(event.target)) {
    if (event.key === "?") {
      document.getElementById("keys")?.showModal();
    } else if (single[event.key] && press(single[event.key])) {
      event.preventDefault();
    }
  }
});

// Lists: a row opens its record, j and k move, and plain words search while they are typed.
const rows = () => [...document.querySelectorAll("#list tbody tr:has(th a)")];
const link = (row) => row.querySelector("th a");

document.addEventListener("click", (event) => {
  const row = event.target.closest("#list tbody tr");
  if (!row || !link(row) || event.defaultPrevented || event.target.closest("a, button, input, label, select")) return;
  if (String(getSelection())) return;
  if (event.ctrlKey || event.metaKey) open(link(row).href, "_blank", "noopener");
  else link(row).click();
});

document.addEventListener("keydown", (event) => {
  if (!"jk".includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog[open]")) return;
  const all = rows();
  const at = all.findIndex((row) => row.classList.contains("at"));
  const next = all[event.key === "j" ? at + 1 : Math.max(at - 1, 0)];
  if (!next) return;
  all[at]?.classList.remove("at");
  next.classList.add("at");
  link(next).focus();
});

// `field:value` waits for Enter: half a value would be a facet of its own.
document.addEventListener("input", (event) => {
  if (event.target.id === "q" && !event.target.value.includes(":")) {
    event.target.form.dispatchEvent(new CustomEvent("live"));
  }
});

document.addEventListener("htmx:after:swap", (event) => {
  const list = document.getElementById("list");
  const box = document.getElementById("q");
  if (list && box && event.detail.ctx?.sourceEvent?.type !== "live") box.value = list.dataset.words;
});

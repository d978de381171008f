// Bulk: the box in the head of a list ticks all rows of the page.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-pick]")) return;
  for (const box of document.querySelectorAll("#list [name=row]")) box.checked = event.target.checked;
});

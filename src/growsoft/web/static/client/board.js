// Boards: a card that is dropped on another column is moved there by the form of its own menu.
let dragged = null;

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-board] article[draggable]") ?? null;
});

document.addEventListener("dragover", (event) => {
  if (dragged && event.target.closest?.("[data-lane]")) event.preventDefault();
});

document.addEventListener("drop", (event) => {
  const lane = event.target.closest?.("[data-lane]");
  if (!dragged || !lane || lane.contains(dragged)) return;
  event.preventDefault();
  const form = dragged.querySelector("form");
  form.elements.value.value = lane.dataset.lane;
  form.requestSubmit();
});

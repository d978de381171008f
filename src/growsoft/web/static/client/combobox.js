// Comboboxes: the server offers records by a part of their name, one is picked by mouse or keys (WAI-ARIA, combobox).
const parts = (input) => {
  const box = input.closest(".combo");
  return { box, list: box.querySelector(".options"), picked: box.querySelector("input[type=hidden]") };
};
const options = (list) => [...list.querySelectorAll("[role=option]")];
const isCombo = (target) => target.matches?.(".combo [role=combobox]");

const close = (input) => {
  const { list } = parts(input);
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
};

const mark = (input, option) => {
  for (const other of options(parts(input).list)) other.setAttribute("aria-selected", String(other === option));
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
};

const pick = (input, option) => {
  if (option.dataset.create) return make(input, option);
  const { box, picked } = parts(input);
  const name = option.textContent.trim();
  if (box.dataset.combo === "many") {
    addTag(box, option.dataset.id, name);
    input.value = "";
  } else {
    input.value = name;
    picked.value = option.dataset.id;
  }
  close(input);
  reopen(box, option.dataset.id);
  input.dispatchEvent(new Event("change", { bubbles: true }));
};

const reopen = (box, id) => {
  const link = box.querySelector("[data-open]");
  if (!link) return;
  link.hidden = !id;
  if (id) link.href = `${link.dataset.open}/${id}`;
};

const make = async (input, option) => {
  const { create, at, csrf, failed } = option.dataset;
  close(input);
  option.remove();
  const answer = await fetch(at, { method: "POST", body: new URLSearchParams({ csrf, name: create }) });
  const plain = (answer.headers.get("content-type") ?? "").startsWith("text/plain");
  if (answer.ok) {
    const { id, name } = await answer.json();
    const made = document.createElement("li");
    made.dataset.id = id;
    made.textContent = name;
    pick(input, made);
  } else {
    document.dispatchEvent(new CustomEvent("say", { detail: plain ? await answer.text() : failed }));
  }
};

const addTag = (box, id, name) => {
  const tags = box.querySelector(".tags");
  if (tags.querySelector(`input[value="${CSS.escape(id)}"]`)) return;
  const item = document.createElement("li");
  const label = document.createElement("label");
  const tick = document.createElement("input");
  label.className = "tag";
  tick.type = "checkbox";
  tick.name = box.dataset.name;
  tick.value = id;
  tick.checked = true;
  label.append(tick, name);
  item.append(label);
  tags.append(item);
};

// What was offered for another text is never picked: from the first letter on, until the answer for this one is there.
const waits = (input, on) => {
  input.toggleAttribute("data-waits", on);
  if (!on) return;
  parts(input).list.replaceChildren();
  close(input);
};

document.addEventListener("input", (event) => {
  if (!isCombo(event.target) || !event.isTrusted) return;
  waits(event.target, true);
  const { picked } = parts(event.target);
  if (picked) picked.value = "";
  reopen(parts(event.target).box, "");
});

document.addEventListener("htmx:after:swap", (event) => {
  const input = event.detail.ctx?.sourceElement;
  if (!input || !isCombo(input)) return;
  waits(input, false);
  if (document.activeElement !== input) return;
  parts(input).list.hidden = false;
  input.setAttribute("aria-expanded", "true");
});

document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!isCombo(input)) return;
  if (input.hasAttribute("data-waits") && ["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return event.preventDefault();
  const { list } = parts(input);
  const all = options(list);
  const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (list.hidden) input.dispatchEvent(new CustomEvent("open"));
    else if (all.length) mark(input, all[(at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]);
  } else if (event.key === "Enter" && !list.hidden && at >= 0) {
    event.preventDefault();
    pick(input, all[at]);
  } else if (event.key === "Escape" && !list.hidden) {
    event.stopPropagation();
    close(input);
  }
});

document.addEventListener("mousedown", (event) => {
  const option = event.target.closest(".options [role=option]");
  if (!option) return;
  event.preventDefault();
  pick(option.closest(".combo").querySelector("[role=combobox]"), option);
});

document.addEventListener("click", (event) => {
  if (isCombo(event.target) && parts(event.target).list.hidden) event.target.dispatchEvent(new CustomEvent("open"));
});
document.addEventListener("focusout", (event) => {
  if (isCombo(event.target)) close(event.target);
});

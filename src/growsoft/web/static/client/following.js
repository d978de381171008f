// Following: what was typed is sent a moment later, and what follows from it is put in place. Nothing is saved, and what
// somebody has typed meanwhile stays.
const following = () => document.getElementById("following");
const changed = new Set();
let timer = 0;
let sent = [];
let before = new Map();

const state = (input) => (input.type === "checkbox" ? String(input.checked) : input.value);

const ask = () => {
  const form = following()?.closest("form");
  if (!form || !changed.size) return;
  sent = [...changed];
  before = new Map([...form.elements].filter((input) => input.id).map((input) => [input.id, state(input)]));
  form.querySelector("[data-changed]").value = sent.join(" ");
  following().dispatchEvent(new CustomEvent("follow"));
};

const later = (event) => {
  if (!event.target.name || !event.target.closest("form[data-guard]")) return;
  if (event.type === "input" && (event.target.matches("[role=combobox]") || !event.isTrusted)) return;
  changed.add(event.target.name);
  clearTimeout(timer);
  timer = setTimeout(ask, 250);
};
document.addEventListener("input", later);
document.addEventListener("change", later);

const put = (input, value, picked) => {
  if (input.matches("output")) input.textContent = value;
  else if (before.get(input.id) !== state(input) || sent.includes(input.name)) return;
  else if (input.type === "checkbox") input.checked = Boolean(value);
  else {
    input.value = value;
    const link = input.closest(".combo")?.querySelector("input[type=hidden]");
    if (link) link.value = picked;
  }
};

document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx?.sourceElement !== following() || !following()) return;
  for (const name of sent) changed.delete(name);
  for (const one of following().querySelectorAll("data")) {
    const input = document.getElementById(one.dataset.for);
    if (input) put(input, one.textContent, one.value);
  }
});

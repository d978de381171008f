// Toasts: what has just happened, said once and then gone. The region is live, so screen readers say it too.
const STAY = 6000;

const say = (text) => {
  const region = document.getElementById("toasts");
  if (!region || !text) return;
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.textContent = text;
  region.append(toast);
  setTimeout(() => toast.remove(), STAY);
};
document.addEventListener("say", (event) => say(event.detail));

// Whatever is done by a form that says so, and succeeds.
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const text = ctx?.sourceElement?.dataset.say;
  if (text && ctx.response?.raw?.ok) say(text);
});

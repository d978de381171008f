// Files: dropped or chosen, sent one by one, with how far each is. Without scripts the form beside them does it.
const line = (list, name) => {
  const row = document.createElement("div");
  const label = document.createElement("span");
  const bar = document.createElement("progress");
  label.textContent = name;
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", name);
  row.append(label, bar);
  list.append(row);
  return { row, bar };
};

const fail = ({ row, bar }, text) => {
  bar.remove();
  row.classList.add("problem");
  row.append(` ${text}`);
};

const send = (form, file) =>
  new Promise((done) => {
    const shown = line(form.querySelector(".uploads"), file.name);
    const over = (text) => {
      if (text) fail(shown, text);
      else shown.row.remove();
      done(!text);
    };
    if (file.size > Number(form.dataset.most)) return over(form.dataset.large);
    const body = new FormData();
    body.append("csrf", form.elements.csrf.value);
    body.append("file", file);
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) shown.bar.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      const plain = (request.getResponseHeader("content-type") ?? "").startsWith("text/plain");
      over(request.status < 300 ? "" : plain ? request.responseText : form.dataset.failed);
    });
    request.addEventListener("error", () => over(form.dataset.failed));
    request.open("POST", form.getAttribute("action"));
    request.setRequestHeader("Accept", "text/plain");
    request.send(body);
  });

// What did not arrive stays to be read.
const sendAll = async (form, files) => {
  form.setAttribute("aria-busy", "true");
  let sent = 0;
  for (const file of files) sent += await send(form, file);
  form.removeAttribute("aria-busy");
  form.reset();
  if (sent) document.dispatchEvent(new CustomEvent("say", { detail: form.dataset.say }));
  if (sent === files.length) form.closest("#files").dispatchEvent(new CustomEvent("refresh"));
};

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (form && event.target.files?.length) sendAll(form, [...event.target.files]);
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-upload]")) event.preventDefault();
});

const place = (event) => event.target.closest?.("[data-drop]");
const brings = (event) => event.dataTransfer?.types.includes("Files");
// A file that misses its place must not take the page away.
for (const type of ["dragenter", "dragover"]) {
  document.addEventListener(type, (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    place(event)?.classList.add("over");
    event.dataTransfer.dropEffect = place(event) ? "copy" : "none";
  });
}
document.addEventListener("dragleave", (event) => {
  const left = place(event);
  if (left && !left.contains(event.relatedTarget)) left.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  const target = place(event);
  target?.classList.remove("over");
  const form = target?.querySelector("form[data-upload]");
  if (form) sendAll(form, [...event.dataTransfer.files]);
});

"use strict";
// Without this script every finding is shown; with it they can be filtered.
const form = document.querySelector("form");
const items = Array.from(document.querySelectorAll(".findings > li"));
const texts = [];
let waiting = 0;
function filter() {
  const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const names = ["severity", "provider", "presence", "verdict"].filter((name) => form.elements[name]);
  const wanted = names.map((name) => [name, form.elements[name].value]).filter((pair) => pair[1]);
  let shown = 0;
  items.forEach((item, number) => {
    const has = ([name, value]) => (item.dataset[name] || "").split("\n").includes(value);
    let fits = wanted.every(has);
    if (fits && words.length) {
      texts[number] = texts[number] || item.textContent.toLowerCase();
      fits = words.every((word) => texts[number].includes(word));
    }
    item.hidden = !fits;
    shown += fits ? 1 : 0;
  });
  document.querySelector("output").textContent = `${shown} of ${items.length}`;
}
if (form) {
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  filter();
}

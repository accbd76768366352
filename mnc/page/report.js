"use strict";
const tip = document.getElementById("tip");
const told = new Map();

// Titles of drawings become one tip of the page's own, which the keyboard reaches, too.
for (const title of document.querySelectorAll("svg title")) {
  const owner = title.parentNode;
  told.set(owner, title.textContent);
  owner.setAttribute("aria-label", title.textContent);
  title.remove();
}

function show(owner) {
  const box = owner.getBoundingClientRect();
  tip.textContent = told.get(owner);
  tip.hidden = false;
  tip.style.left = Math.max(4, Math.min(box.left, innerWidth - tip.offsetWidth - 8)) + "px";
  const below = box.bottom + 6;
  tip.style.top = Math.max(4, below + tip.offsetHeight > innerHeight ? box.top - tip.offsetHeight - 6 : below) + "px";
}

// One layer is chosen everywhere at once.
function choose(layer) {
  let row = null;
  for (const each of document.querySelectorAll("[data-layer]")) {
    const chosen = each.dataset.layer === layer;
    each.classList.toggle("chosen", chosen);
    if (chosen && each.tagName === "TR" && row === null) row = each;
  }
  if (row !== null) row.scrollIntoView({ block: "nearest" });
}

for (const [owner] of told) {
  owner.addEventListener("mouseenter", () => show(owner));
  owner.addEventListener("focus", () => show(owner));
  for (const end of ["mouseleave", "blur"]) owner.addEventListener(end, () => { tip.hidden = true; });
}
document.addEventListener("click", (event) => {
  const owner = event.target.closest("[data-layer]");
  if (owner !== null) choose(owner.dataset.layer);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tip.hidden = true;
  const owner = event.target.closest ? event.target.closest("[data-layer]") : null;
  if (owner !== null && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    choose(owner.dataset.layer);
  }
});

function value(row, column) {
  const text = row.cells[column].textContent.trim();
  const number = Number(text.replace(/,/g, "").split(" ")[0]);
  return text === "" ? -Infinity : Number.isNaN(number) ? text : number;
}

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentNode;
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((one, other) => {
      const [a, b] = [value(one, head.cellIndex), value(other, head.cellIndex)];
      const order = typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
      return down ? -order : order;
    });
    body.append(...rows);
  });
}

"use strict";
// Draw figures when they come near the view, one in a piece of idle time; sort tables; redraw when a control changes.

const page = JSON.parse(document.getElementById("data").textContent);
const places = [...document.querySelectorAll("[data-figure]")];
const states = new Map();
const shared = new Map(); // of a section: what its controls say
const queue = [];
const MOST_AHEAD = 60;
let isWaiting = false, numDrawn = 0;

const stateOf = (place) => {
  const section = place.closest(".blocks");
  return { x: "epoch", smooth: 0, ...(shared.get(section) ?? {}), ...(states.get(place) ?? {}) };
};

function draw(place) {
  const figure = page.figures[place.dataset.figure];
  const width = Math.floor(place.clientWidth);
  if (!width) return;
  place.dataset.width = width;
  try {
    place.replaceChildren(drawers[figure.kind](figure, width, page.axes, stateOf(place)));
    if (!("drawn" in place.dataset)) numDrawn += 1;
    place.dataset.drawn = "";
    place.style.minHeight = "0";
  } catch (error) {
    place.dataset.drawn = "";
    place.textContent = `This figure cannot be drawn: ${error.message}`;
    console.error(error);
  }
}

function next() {
  isWaiting = false;
  const place = queue.shift();
  if (place) draw(place);
  // what is further down, while nothing else is to do: a fast scroll then meets drawn figures
  if (!queue.length && numDrawn < MOST_AHEAD) {
    const ahead = places.find((one) => one.clientWidth && !("drawn" in one.dataset));
    if (ahead) queue.push(ahead);
  }
  if (queue.length) wait();
}

function wait() {
  if (isWaiting) return;
  isWaiting = true;
  whenIdle(next);
}

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    observer.unobserve(entry.target);
    queue.push(entry.target);
  }
  if (queue.length) wait();
}, { rootMargin: "1200px" });
const first = places.find((place) => place.getBoundingClientRect().top < innerHeight && place.clientWidth);
if (first) draw(first);
for (const place of places) if (place !== first) observer.observe(place);

function redraw(list) {
  for (const place of list) if ("drawn" in place.dataset && !queue.includes(place)) queue.push(place);
  if (queue.length) wait();
}

for (const control of document.querySelectorAll("[data-control]")) {
  control.addEventListener("input", () => {
    const section = control.closest(".blocks");
    const value = control.type === "checkbox" ? control.checked : control.type === "range" ? Number(control.value) : control.value;
    shared.set(section, { ...(shared.get(section) ?? {}), [control.dataset.control]: value });
    redraw(places.filter((place) => section.contains(place)));
  });
}

for (const place of places) {
  const figure = page.figures[place.dataset.figure];
  if (figure.kind !== "matrix" || figure.epochs.length < 2) continue;
  const label = document.createElement("label"), range = document.createElement("input"), shown = document.createElement("span");
  Object.assign(range, { type: "range", min: 0, max: figure.epochs.length - 1, value: figure.epochs.length - 1 });
  const say = () => { shown.textContent = `epoch ${figure.epochs[range.value]}`; };
  range.addEventListener("input", () => { say(); states.set(place, { index: Number(range.value) }); redraw([place]); });
  say();
  label.append(range, shown);
  place.before(label);
}

let resizing;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => redraw(places.filter((place) => place.dataset.width !== String(Math.floor(place.clientWidth)))), 150);
});
addEventListener("beforeprint", () => {
  for (const section of document.querySelectorAll("details.section")) section.open = true;
  for (const place of places) {
    if (!("drawn" in place.dataset)) draw(place);
    place.querySelector("svg")?.finish?.();
  }
});

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement, table = heading.closest("table"), body = table.tBodies[0];
    const column = heading.cellIndex;
    const isDown = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const keyed = [...body.rows].map((row) => {
      const cell = row.cells[column];
      return [cell.dataset.key === undefined ? cell.textContent : Number(cell.dataset.key), row];
    });
    const isLess = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
    const isEmpty = (key) => key === "" || Number.isNaN(key);
    keyed.sort(([a], [b]) => (isEmpty(a) - isEmpty(b)) || (isDown ? isLess(b, a) : isLess(a, b)));
    body.append(...keyed.map(([, row]) => row));
  });
}

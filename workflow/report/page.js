"use strict";

// Contents: folded on a phone, and again once a place was chosen there.
const contents = document.querySelector("nav details");
const narrow = matchMedia("(max-width: 48rem)");
const foldContents = () => { contents.open = !narrow.matches; };
narrow.addEventListener("change", foldContents);
contents.addEventListener("click", (event) => { if (event.target.closest("a")) foldContents(); });
foldContents();

// A link into a fold opens it.
function unfoldTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const fold = target?.closest("details.group");
  if (!fold) return;
  fold.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfoldTarget);
unfoldTarget();

// Nothing is folded in print.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.group:not([open])")];
  for (const fold of opened) fold.open = true;
});
addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

// Search: rows that have every word; folds with such rows open meanwhile.
const search = document.getElementById("search");
if (search) {
  const shown = document.querySelector(".search output");
  const groups = [...document.querySelectorAll(".group")].map((group) => ({
    group,
    open: false,
    rows: [...group.querySelectorAll("tbody tr")].map((row) => ({
      row, text: row.textContent.toLowerCase(),
    })),
  }));
  const total = groups.reduce((sum, { rows }) => sum + rows.length, 0);
  let searching = false;
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!searching) for (const part of groups) part.open = part.group.open;
    let found = 0;
    for (const { group, rows, open } of groups) {
      let here = 0;
      for (const { row, text } of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        here += !row.hidden;
      }
      group.hidden = here === 0;
      if (group.tagName === "DETAILS") {
        group.open = words.length ? here > 0 : open;
        group.querySelector(".found").textContent = words.length ? ` (${here} found)` : "";
      }
      found += here;
    }
    searching = words.length > 0;
    shown.value = searching ? `${found} of ${total} rows` : `${total} rows`;
  };
  search.addEventListener("input", filter);
  search.form.addEventListener("submit", (event) => event.preventDefault());
}

// Large figures: the same picture in a dialog, which Esc closes.
const viewer = document.getElementById("viewer");
if (viewer) {
  const thumbnails = [...document.querySelectorAll(".thumbnail")];
  const picture = viewer.querySelector(".picture");
  const zoom = viewer.querySelector("[value=zoom]");
  let current = 0;
  const setZoom = (on) => {
    picture.classList.toggle("zoomed", on);
    zoom.setAttribute("aria-pressed", on);
  };
  const show = (index) => {
    current = (index + thumbnails.length) % thumbnails.length;
    const figure = thumbnails[current].closest("article");
    viewer.querySelector("h2").textContent =
      `${figure.querySelector("h3").textContent} (${current + 1} of ${thumbnails.length})`;
    picture.replaceChildren(thumbnails[current].querySelector("img").cloneNode());
    picture.scrollTo(0, 0);
    setZoom(false);
  };
  thumbnails.forEach((thumbnail, index) => thumbnail.addEventListener("click", (event) => {
    event.preventDefault();
    show(index);
    viewer.showModal();
  }));
  viewer.querySelector("[value=previous]").addEventListener("click", () => show(current - 1));
  viewer.querySelector("[value=next]").addEventListener("click", () => show(current + 1));
  zoom.addEventListener("click", () => setZoom(!picture.classList.contains("zoomed")));
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener("keydown", (event) => {
    if (picture.classList.contains("zoomed")) return; // arrows scroll there
    if (event.key === "ArrowLeft") show(current - 1);
    if (event.key === "ArrowRight") show(current + 1);
  });
  // Back to the figure that was looked at last.
  viewer.addEventListener("close", () => thumbnails[current].focus());
}

// The part of the report that is on the screen is marked in the contents.
const links = new Map([...contents.querySelectorAll("a[href^='#']")].map((link) =>
  [document.getElementById(link.hash.slice(1)), link]));
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    const link = links.get(target);
    link.setAttribute("aria-current", "true");
    if (!narrow.matches) link.scrollIntoView({ block: "nearest" });
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const part of links.keys()) if (part) watch.observe(part);

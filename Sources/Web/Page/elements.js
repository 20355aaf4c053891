// Parts that pages are made of. Text from the server becomes text nodes, never HTML.

import { APIError } from "./api.js";

/** Makes an element. `on...` properties are listeners, `true` an empty attribute; null and false are left out. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const dayAndTime = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
const timeThisYear = new Intl.DateTimeFormat(undefined, dayAndTime);
const timeOfYear = new Intl.DateTimeFormat(undefined, { ...dayAndTime, year: "numeric" });
const clockTime = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const exactTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "full" });

/** A local time; the exact one shows on hover. */
export function time(iso, { clock = false } = {}) {
  if (!iso) return element("span", { class: "faint" }, "–");
  const date = new Date(iso);
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  const format = clock ? clockTime : isThisYear ? timeThisYear : timeOfYear;
  return element("time", { datetime: iso, title: `${exactTime.format(date)}\n${iso}` }, format.format(date));
}

/** How long it took, such as "2 min 14 s"; null if it is not known. */
export function duration(from, to) {
  if (!from || !to) return null;
  const seconds = Math.max(0, Math.round((new Date(to) - new Date(from)) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

export const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll("_", " ");

/** A status in words and colour. */
export function badge(label) {
  return element("span", { class: `badge is-${label.replace(/[^a-z]/g, "")}` }, capitalised(label));
}

export const nameOf = (history) => history.name ?? (history.dataset_id ? `Dataset ${history.dataset_id}` : "Dataset");

/** The bar of a dataset, with its percentage beside it; `update(history)` moves it. */
export function progressBar(history) {
  const bar = element("progress", { max: 100 });
  const percent = element("span", { class: "percent" });
  const node = element("div", {}, bar, percent);
  node.update = (history) => {
    node.className = `progress is-${history.status_label}`;
    bar.setAttribute("aria-label", `Progress of ${nameOf(history)}`);
    bar.value = history.progress ?? 0;
    percent.textContent = history.progress === null ? "–" : `${history.progress} %`;
  };
  node.update(history);
  return node;
}

/** What went wrong, and perhaps a way to try again. */
export function problem(error, retry) {
  const reasons = Object.values(error.errors ?? {}).flat().filter((reason) => reason !== error.message);
  return element("div", { class: "problem", role: "alert" },
    element("p", {}, error.message),
    reasons.length > 1 && element("ul", {}, reasons.map((reason) => element("li", {}, reason))),
    retry && element("button", { type: "button", onclick: retry }, "Try again"));
}

/** Nothing is there, and what to do about it. */
export function emptiness(title, advice, ...more) {
  return element("div", { class: "empty" }, element("p", { class: "title" }, title), element("p", {}, advice), more);
}

/**
 * Fills a region with what `load` brings and `render` makes of it; of several fills under way the last one counts.
 * Until then it says that it is loading, or keeps what it shows: then a failure is thrown, where else it is shown.
 */
export async function fill(region, load, render) {
  const turn = (region.turn = (region.turn ?? 0) + 1);
  region.setAttribute("aria-busy", "true");
  if (!region.hasChildNodes()) region.append(element("p", { class: "loading" }, "Loading…"));
  try {
    const value = await load();
    if (turn !== region.turn) return;
    const focused = region.contains(document.activeElement) && document.activeElement.getAttribute("href");
    region.replaceChildren(...[render(value)].flat().filter(Boolean));
    if (focused) region.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    region.isFilled = true;
  } catch (error) {
    if (turn !== region.turn) return;
    if (region.isFilled || !(error instanceof APIError)) throw error;
    region.replaceChildren(problem(error, () => {
      region.replaceChildren();
      fill(region, load, render);
    }));
  }
  region.removeAttribute("aria-busy");
}

/** Links to the pages of a list; `link` makes the address of a page. */
export function pager(meta, link) {
  if (meta.last_page <= 1) return null;
  const step = (page, text) =>
    page >= 1 && page <= meta.last_page
      ? element("a", { class: "button", href: link(page) }, text)
      : element("span", { class: "button", "aria-disabled": "true" }, text);
  return element("nav", { class: "pager", "aria-label": "Pages" },
    step(meta.current_page - 1, "Previous"),
    element("span", {}, `Page ${meta.current_page} of ${meta.last_page} · ${meta.total} in all`),
    step(meta.current_page + 1, "Next"));
}

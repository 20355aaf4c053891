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
const exactDay = { ...dayAndTime, year: "numeric", second: "2-digit", timeZoneName: "short" };
const formats = {
  thisYear: new Intl.DateTimeFormat(undefined, dayAndTime),
  ofYear: new Intl.DateTimeFormat(undefined, { ...dayAndTime, year: "numeric" }),
  exact: new Intl.DateTimeFormat(undefined, exactDay),
  spoken: new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "full" }),
  clock: new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }),
};

/** Which zone the times are in. */
export const zone = () => {
  const name = formats.exact.formatToParts().find((part) => part.type === "timeZoneName")?.value;
  return `Times are those of ${formats.exact.resolvedOptions().timeZone}${name ? ` (${name})` : ""}.`;
};

export const clock = (milliseconds) => formats.clock.format(milliseconds);

/** A local time, `exact`ly with seconds and zone; the full one shows on hover. */
export function time(iso, { exact = false } = {}) {
  if (!iso) return element("span", { class: "faint" }, "–");
  const date = new Date(iso);
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  const format = exact ? formats.exact : isThisYear ? formats.thisYear : formats.ofYear;
  return element("time", { datetime: iso, title: `${formats.spoken.format(date)}\n${iso}` }, format.format(date));
}

/** How long it took, such as "2 min 14 s"; null if it is not known. */
export function duration(from, to) {
  if (!from || !to) return null;
  const seconds = Math.max(0, Math.round((new Date(to) - new Date(from)) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

export const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll("_", " ");

/** A status in words and colour. */
export function badge(label) {
  return element("span", { class: `badge is-${label.replace(/[^a-z]/g, "")}` }, capitalised(label));
}

/** Whether there is something to see in a text: not only blanks, and characters of no width. */
const isVisible = (text) => /[^\s\p{C}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text ?? "");

/** What a dataset is called, and its links: never nothing. */
export const nameOf = (history) =>
  isVisible(history.name) ? history.name : history.dataset_id ? `Dataset ${history.dataset_id}` : "Dataset";

export const wishlistName = (wishlist) => (isVisible(wishlist.name) ? wishlist.name : wishlist.slug);

/** Text that somebody else wrote, in its own direction. A long one shows its first lines, the rest on demand. */
export function words(text, properties = {}) {
  const node = element("span", { dir: "auto", ...properties }, text);
  if ((text ?? "").length <= 180 && (text ?? "").split("\n").length <= 4) return node;
  node.classList.add("clamped");
  const toggle = () => {
    const isOpen = node.classList.toggle("open");
    button.setAttribute("aria-expanded", isOpen);
    button.textContent = isOpen ? "Show less" : "Show all";
  };
  const button = element("button", { class: "quiet more", type: "button", "aria-expanded": "false", onclick: toggle },
    "Show all");
  return element("span", { class: "words" }, node, button);
}

/** Draws a part anew only if `key` tells something else: somebody may be in it. */
export function redraw(node, key, make) {
  if (node.drawn === key) return;
  node.drawn = key;
  node.replaceChildren(...[make()].flat().filter(Boolean));
}

/** Copies a text. */
export function copyButton(text, what) {
  const button = element("button", { class: "quiet copy", type: "button", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    const isDone = await navigator.clipboard.writeText(text).then(() => true, () => false);
    button.textContent = isDone ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return button;
}

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
export function problem(error, retry, ...more) {
  const reasons = Object.values(error.errors ?? {}).flat().filter((reason) => reason !== error.message);
  return element("div", { class: "problem", role: "alert" },
    element("p", { dir: "auto" }, error.message),
    reasons.length > 1 && element("ul", {}, reasons.map((reason) => element("li", {}, reason))),
    retry && element("button", { type: "button", onclick: retry }, "Try again"), more);
}

/** Nothing is there, and what to do about it. */
export function emptiness(title, advice, ...more) {
  return element("div", { class: "empty" }, element("p", { class: "title" }, title), element("p", {}, advice), more);
}

/** Shows that a region is still empty. */
export const loading = () => element("p", { class: "loading" }, "Loading…");

/**
 * Shows nodes in a region; focus stays on the link that has it. A failure is shown only where nothing else is yet; then
 * it is thrown on.
 */
export async function fill(region, load, render, retry) {
  region.setAttribute("aria-busy", "true");
  if (!region.hasChildNodes()) region.append(loading());
  try {
    const nodes = [render(await load())].flat().filter(Boolean);
    const focused = region.contains(document.activeElement) && document.activeElement.getAttribute("href");
    region.replaceChildren(...nodes);
    if (focused) region.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    region.isFilled = true;
  } catch (error) {
    if (!region.isFilled && error instanceof APIError) region.replaceChildren(problem(error, retry));
    throw error;
  } finally {
    region.removeAttribute("aria-busy");
  }
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

/** A page beyond the end leads back; null: this one is not. */
export function beyondTheEnd(meta, link) {
  if (meta.current_page <= meta.last_page) return null;
  return emptiness("This page is beyond the end", `There are ${meta.last_page} pages.`,
    element("a", { class: "button", href: link(meta.last_page) }, "To the last page"));
}

/** A labelled choice; `go(changes)` is told of another one, a moment after the last key. */
export function choice(name, label, options, chosen, go) {
  let timer = null;
  const onchange = (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => go({ [name]: event.target.value }), 250);
  };
  return element("label", {}, element("span", {}, label),
    element("select", { name, onchange },
      options.map(([value, text]) => element("option", { value, selected: value === chosen }, text))));
}

/** Has a form show what the address says. */
export function showIn(form, values) {
  for (const control of form.querySelectorAll("[name]")) {
    control.value = values[control.name] ?? (control.tagName === "SELECT" ? control.options[0].value : "");
  }
}

/** The parts of the path in an address; a part that is not well encoded stands for itself. */
export const partsOf = (path) => path.split("/").filter(Boolean).map(decoded);

export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a view with these parameters; empty ones are left out. */
export function address(path, parameters) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  return `#/${path}${query.size ? `?${query}` : ""}`;
}

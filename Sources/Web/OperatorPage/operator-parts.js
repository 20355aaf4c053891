// Parts that the operator's views share.

import { badge, capitalised, element, emptiness, problem, time } from "./elements.js";

const words = {
  id: "ID", dataset_id: "Dataset", history_id: "History", wishlist_id: "Wishlist ID", group_id: "Group ID",
  key: "webhook-id", webhook_id: "webhook-id", created_by: "Created by user", why: "Explanation",
  notified_revision: "Delivered up to revision", leased: "Held by an instance", recorded_at: "Committed",
  heard_at: "Last webhook", redelivery_asked_at: "Webhooks asked for again", begun_at: "When", actor: "Who",
  changed: "How many",
};
export const title = (name) => words[name] ?? capitalised(name.replace(/_(at|id)$/, "")).replace(/\burl\b/i, "URL");

/** A value as it is best read: a time, a status, a number, text. */
export function value(name, raw) {
  if (raw === null || raw === undefined || raw === "") return element("span", { class: "faint" }, "–");
  if (typeof raw === "boolean") return raw ? "Yes" : "No";
  if (/_at$|_since$|^from$/.test(name)) return time(raw);
  if (["outcome", "status", "level", "before", "now"].includes(name)) return badge(raw);
  if (name === "reference" || name === "key") return element("code", {}, raw);
  return String(raw);
}

/** Rows as a table, as cards where it is narrow. `link(row)` is the address of the first cell; `pick` a set of ids. */
export function table(label, columns, rows, { link, pick, onpick } = {}) {
  const head = columns.map((name) => element("th", { role: "columnheader", scope: "col" }, title(name)));
  if (pick) head.unshift(element("th", { role: "columnheader", scope: "col" },
    element("span", { class: "unseen" }, "Chosen")));
  const cell = (row, name, isFirst) => element("td", { role: "cell", "data-label": title(name), class: `is-${name}` },
    isFirst && link ? element("a", { href: link(row) }, String(row[name])) : value(name, row[name]));
  const choice = (row) => element("td", { role: "cell", class: "choice" }, element("input", {
    type: "checkbox", "aria-label": `Choose ${row.id}`, checked: pick.has(row.id),
    onchange: (event) => {
      if (event.target.checked) pick.add(row.id);
      else pick.delete(row.id);
      onpick();
    },
  }));
  return element("table", { role: "table", "aria-label": label, class: "rows" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, head)),
    element("tbody", { role: "rowgroup" }, rows.map((row) =>
      element("tr", { role: "row" }, pick && choice(row),
        columns.map((name, index) => cell(row, name, index === 0))))));
}

/** A list with a way to the next page, or words instead of an empty one. */
export function list(label, columns, answer, { older, empty, ...options }) {
  const more = answer.next && element("nav", { class: "pager", "aria-label": "Pages" },
    element("span", {}, answer.searched_to ? "Searched back to " : "", answer.searched_to && time(answer.searched_to)),
    element("a", { class: "button", href: older(answer.next) }, "Older"));
  if (answer.data.length === 0 && !answer.next) return empty ?? emptiness("Nothing here", "No rows match.");
  return element("div", { class: "histories" },
    answer.data.length ? table(label, columns, answer.data, options)
      : element("p", { class: "loading" }, "None among those searched."),
    more);
}

/** Named values of one thing. */
export function facts(object, names) {
  return element("dl", { class: "facts" }, names.filter((name) => object[name] !== undefined && object[name] !== null)
    .map((name) => element("div", {}, element("dt", {}, title(name)), element("dd", {}, value(name, object[name])))));
}

/** A form whose fields go into the address. `fields`: `{ name, label, options? }`. */
export function filters(label, fields, query, go) {
  const field = ({ name, label, options, placeholder }) => element("label", {}, element("span", {}, label),
    options
      ? element("select", { name, onchange: (event) => event.target.form.requestSubmit() },
        options.map(([value, text]) =>
        element("option", { value, selected: value === (query[name] ?? "") }, text)))
      : element("input", { name, value: query[name], placeholder, spellcheck: "false", autocomplete: "off" }));
  const submit = (event) => {
    event.preventDefault();
    const entries = [...new FormData(event.target)].map(([name, value]) => [name, String(value).trim()]);
    go(Object.fromEntries(entries.filter(([, value]) => value)));
  };
  return element("form", { class: "filters", role: "search", "aria-label": label, onsubmit: submit },
    fields.map(field), element("button", { class: "primary" }, "Search"));
}

export function address(path, query = {}) {
  const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  return `#/${path}${parameters.size ? `?${parameters}` : ""}`;
}

/** Asks before something is done; resolves to whether it was agreed to. */
export function confirm(question, detail, action) {
  return new Promise((resolve) => {
    const dialog = element("dialog", { "aria-labelledby": "question" },
      element("form", { method: "dialog" },
        element("h2", { id: "question" }, question), element("p", {}, detail),
        element("div", { class: "actions" },
          element("button", { value: "" }, "Cancel"), element("button", { class: "primary", value: "yes" }, action))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Runs an action; its button is off meanwhile, and what came of it stands in `region`. */
export async function run(button, region, session, action) {
  button.disabled = true;
  region.replaceChildren();
  try {
    const text = await action();
    if (text) {
      region.append(...[text].flat());
      session.announce(region.textContent);
    }
  } catch (error) {
    region.replaceChildren(problem(error));
  } finally {
    button.disabled = false;
  }
}

/**
 * Asks again and again: soon after something has changed, ever slower while nothing does, not at all while nobody
 * looks. `ask` resolves to whether anything has changed; `failed` gets what it throws. A refusal ends it.
 */
export function poll(ask, { shortest = 1500, longest = 20000, state = () => {}, failed = () => {} } = {}) {
  let pause = shortest;
  let timer = null;
  let isOver = false;
  const turn = async () => {
    if (document.hidden) return;
    try {
      pause = (await ask()) ? shortest : Math.min(pause * 1.5, longest);
      if (!isOver) state("live");
    } catch (error) {
      if (isOver || error.status === 401) return;
      failed(error);
      // What is wrong with the request stays wrong; only these two pass.
      if (error.status >= 400 && error.status < 500 && ![408, 429].includes(error.status)) return;
      pause = Math.max(Math.min(pause * 2, longest), 1000 * (error.retryAfter ?? 0));
      state("waiting");
    }
    if (!isOver) timer = setTimeout(turn, pause * (0.9 + Math.random() / 5));
  };
  const seen = () => {
    if (document.hidden) return;
    clearTimeout(timer);
    pause = shortest;
    turn();
  };
  document.addEventListener("visibilitychange", seen);
  turn();
  return () => {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}

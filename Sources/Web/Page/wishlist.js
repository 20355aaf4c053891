// One wishlist: its histories as a table, creating a dataset, and training.

import {
  address, badge, beyondTheEnd, capitalised, choice, element, emptiness, fill, nameOf, pager, progressBar, showIn, time,
  wishlistName, words,
} from "./elements.js";
import { Reader } from "./histories.js";
import { channelOf, spoken, subscribe } from "./live.js";
import { createDialog } from "./create.js";
import { trainingPanel } from "./training.js";

const statuses = ["pending", "queued", "processing", "completed", "failed", "canceled", "stalled"];
const orders = {
  "-id": "Newest first", id: "Oldest first", "-updated_at": "Last changed first", status: "By status",
};
const titles = ["Dataset", "Status", "Progress", "Stage", "Created", "Changed"];

export function showWishlist(session, slug, parameters) {
  const heading = element("h1", { dir: "auto" }, slug);
  const group = element("p", { class: "faint group", dir: "auto" });
  const state = element("p", { class: "state", id: "create-state" });
  const training = element("section", { class: "card training", "aria-label": "Training", hidden: true });
  const table = element("div", { class: "histories" });
  const create = element("button", {
    class: "primary", type: "button", "aria-disabled": "true", "aria-describedby": "create-state",
  }, "Create dataset");
  const rows = new Map();
  let wishlist = null;
  let panel = null;
  let unsubscribe = null;
  let isFresh = false;

  const path = encodeURIComponent(slug);
  const link = (changes) => address(path, { ...parameters, ...changes });
  const go = (changes) => (location.hash = link({ ...changes, page: "" }));

  /** A row that changes in place, so that focus stays where it is. */
  function row(history) {
    session.histories.set(history.id, history);
    const name = element("a", { dir: "auto", href: `#/${path}/${history.id}` });
    const number = element("span", { class: "faint" });
    const bar = progressBar(history);
    const cells = titles.map((label) => element("td", { "data-label": label, role: "cell" }));
    const [names, status, progress, stage, created, changed] = cells;
    names.append(name, number);
    progress.append(bar);
    const entry = { node: element("tr", { role: "row" }, cells) };
    let told = null;
    entry.update = (history) => {
      entry.history = history;
      name.textContent = nameOf(history);
      number.textContent = history.name && history.dataset_id ? ` ${history.dataset_id}` : "";
      status.replaceChildren(badge(history.status_label));
      bar.update(history);
      const text = history.error ? history.error.message || history.error.code
        : history.message ?? (capitalised(history.stage ?? "") || "–");
      // Drawn anew only if it says something else: somebody may have opened it.
      if (text !== told) stage.replaceChildren(words(text, { class: history.error ? "reason" : "message" }));
      told = text;
      created.replaceChildren(time(history.created_at));
      changed.replaceChildren(time(history.updated_at));
    };
    entry.update(history);
    rows.set(history.id, entry);
    return entry.node;
  }

  function render(answer) {
    rows.clear();
    if (answer.data.length === 0) {
      return beyondTheEnd(answer.meta, (page) => link({ page }))
        ?? (parameters.status || parameters.dataset_id
          ? emptiness("Nothing matches", "No dataset of this wishlist is like that.",
              element("a", { class: "button", href: link({ status: "", dataset_id: "", page: "" }) }, "Show all"))
          : emptiness("No dataset yet", "Create the first one: it is analysed for some minutes, and you can watch."));
    }
    return [
      element("table", { role: "table", "aria-label": "Datasets" },
        element("thead", { role: "rowgroup" }, element("tr", { role: "row" },
          titles.map((title) => element("th", { role: "columnheader", scope: "col" }, title)))),
        element("tbody", { role: "rowgroup" }, answer.data.map(row))),
      pager(answer.meta, (page) => link({ page })),
    ];
  }

  const loadHistories = () =>
    fill(table, () => session.api.histories(slug, parameters), render, () => reader.now());

  function received(event, history) {
    reader.heard();
    if (history.slug !== slug) return;
    const entry = rows.get(history.id);
    const known = entry?.history;
    if (known && history.revision <= known.revision) return;
    const whole = { ...known, ...history };
    entry?.update(whole);
    session.histories.set(history.id, whole);
    // A new one, or one that may belong on this page now or no longer; and what can be done may be something else.
    if (!known || known.status !== history.status) isFresh = false;
    if (!known || (parameters.status && known.status !== history.status)) reader.now();
    else if (!isFresh) loadWishlist().catch(() => reader.now());
    const text = spoken(known, history);
    if (text) session.announce(text);
    panel?.changed(history, event === "training.updated");
  }

  async function loadWishlist() {
    isFresh = true;
    show(await session.api.wishlist(slug));
  }

  function show(found) {
    wishlist = found;
    session.wishlists.set(slug, found);
    heading.textContent = wishlistName(wishlist);
    group.textContent = wishlist.group_name ?? "";
    document.title = `${wishlistName(wishlist)} – Dataset console`;
    const { allowed, message, active_history_id: active } = wishlist.create;
    create.toggleAttribute("aria-disabled", false);
    create.setAttribute("aria-disabled", !allowed);
    state.replaceChildren(...[!allowed && `${message} `,
      active && element("a", { href: `#/${path}/${active}` }, "Watch it")].filter(Boolean));
    training.hidden = false;
    if (panel) panel.replace(wishlist);
    else panel = trainingPanel(session, wishlist, training);
    unsubscribe ??= watch();
  }

  function watch() {
    const channel = channelOf(wishlist);
    return subscribe(session, channel ? [channel] : [],
      { received, setLive: (isLive) => reader.setLive(isLive) });
  }

  create.addEventListener("click", () => {
    if (create.getAttribute("aria-disabled") === "false") createDialog(session, wishlist);
  });
  const reader = new Reader({
    read: async () => {
      await Promise.all([loadHistories(), isFresh || loadWishlist()]);
      isFresh = false;
    },
    untold: () => {
      if (wishlist && !channelOf(wishlist)) return "untold";
      const isUntold = ({ history }) => history.status < 3 && history.notifications !== "all";
      return [...rows.values()].some(isUntold) ? "some" : null;
    },
    onState: session.onState,
  });
  const known = session.wishlists.get(slug);
  // Known from the list of them: shown at once, and one read is enough.
  isFresh = Boolean(known);
  if (known) show(known);
  else loadWishlist().catch(() => reader.now());
  const bar = filters(parameters, go);
  return {
    title: slug,
    nodes: [
      element("nav", { class: "trail", "aria-label": "Where you are" }, element("a", { href: "#/" }, "Wishlists")),
      element("div", { class: "head" }, element("div", {}, heading, group), create), state, training, bar, table,
    ],
    update: (changed) => {
      parameters = changed;
      showIn(bar, parameters);
      isFresh = true;
      reader.now();
    },
    now: () => reader.now(),
    close: () => {
      reader.end();
      unsubscribe?.();
    },
  };
}

function filters(parameters, go) {
  const number = element("input", {
    name: "dataset_id", inputmode: "numeric", pattern: "[0-9]*", placeholder: "Any", value: parameters.dataset_id,
    title: "Digits only",
  });
  const submit = (event) => {
    event.preventDefault();
    go({ dataset_id: number.value.trim() });
  };
  const names = statuses.map((status) => [status, capitalised(status)]);
  return element("form", { class: "filters", role: "search", "aria-label": "Datasets", onsubmit: submit },
    choice("status", "Status", [["", "All"], ...names], parameters.status ?? "", go),
    element("label", {}, element("span", {}, "Dataset number"), number),
    choice("sort", "Order", Object.entries(orders), parameters.sort ?? "-id", go));
}

// The first view: the wishlists of the caller, with the latest dataset of each.

import {
  address, badge, beyondTheEnd, capitalised, choice, element, emptiness, fill, nameOf, pager, progressBar, showIn, time,
  wishlistName, words,
} from "./elements.js";
import { Reader } from "./histories.js";
import { subscribe } from "./live.js";

const wishlistStatus = { 0: "inactive", 3: "canceled" };
const datasetStatuses = ["none", "pending", "queued", "processing", "completed", "failed", "canceled", "stalled"];
/** What is worth knowing before one opens the wishlist. */
const obstacles = new Set(["subscription_required", "dataset_incomplete"]);

export function showWishlists(session, parameters) {
  const region = element("div");
  const rows = new Map();
  let channels = [];
  let unsubscribe = null;

  const link = (changes) => address("", { ...parameters, ...changes });
  const go = (changes) => (location.hash = link({ ...changes, page: "" }));

  const latest = (history) =>
    history
      ? [
          element("span", { class: "latest" }, badge(history.status_label), " ",
            element("span", { dir: "auto" }, nameOf(history))),
          progressBar(history),
          element("span", { class: "faint" }, time(history.updated_at)),
        ]
      : [element("span", { class: "faint" }, "No dataset yet")];

  function row(wishlist) {
    session.wishlists.set(wishlist.slug, wishlist);
    const cell = element("div", { class: "dataset" }, latest(wishlist.latest_dataset));
    const training = element("span");
    rows.set(wishlist.slug, { cell, training, history: wishlist.latest_dataset });
    if (wishlist.training_status_label !== "none") training.append(trainingText(wishlist.training_status_label));
    return element("li", { class: "card" },
      element("div", {},
        element("h2", {}, element("a", { dir: "auto", href: `#/${encodeURIComponent(wishlist.slug)}` },
          wishlistName(wishlist))),
        wishlist.group_name && element("span", { class: "faint", dir: "auto" }, wishlist.group_name),
        wishlistStatus[wishlist.status] && badge(wishlistStatus[wishlist.status]), training,
        obstacles.has(wishlist.create.code) && words(wishlist.create.message, { class: "faint" })),
      cell);
  }

  const trainingText = (label) => element("span", { class: "faint" }, `Training: ${label}`);

  function render(answer) {
    rows.clear();
    watch(answer.data.flatMap((wishlist) => wishlist.channels).filter((name) => name.startsWith("private-group.")));
    if (answer.data.length === 0) {
      const isFiltered = parameters.search || parameters.status || parameters.dataset_status;
      return beyondTheEnd(answer.meta, (page) => link({ page }))
        ?? (isFiltered
          ? emptiness("Nothing matches", "None of your wishlists is like that.",
              element("a", { class: "button", href: "#/" }, "Show all"))
          : emptiness("No wishlists", "Your account belongs to no group that has one."));
    }
    return [
      element("ul", { class: "wishlists" }, answer.data.map(row)), pager(answer.meta, (page) => link({ page })),
    ];
  }

  /** Dashboards have a channel over a group; where a deployment does not publish to it, nothing is pushed here. */
  function watch(names) {
    const wanted = [...new Set([...channels, ...names])];
    if (wanted.length === channels.length) return;
    const end = unsubscribe;
    session.groups = channels = wanted;
    unsubscribe = subscribe(session, wanted, { received, setLive: (isLive) => reader.setLive(isLive) });
    end?.();
  }

  function received(event, history) {
    reader.heard();
    const row = rows.get(history.slug);
    if (!row) return;
    const isOld = row.history && (history.id < row.history.id
      || (history.id === row.history.id && history.revision <= row.history.revision));
    if (isOld) return;
    row.history = history;
    row.cell.replaceChildren(...latest(history));
    if (event === "training.updated") row.training.replaceChildren(trainingText(history.training_status_label));
  }

  const search = element("input", {
    name: "search", type: "search", autocomplete: "off", placeholder: "Wishlist or group", value: parameters.search,
  });
  const submit = (event) => {
    event.preventDefault();
    go({ search: search.value.trim() });
  };
  const names = datasetStatuses.map((status) => [status, status === "none" ? "No dataset" : capitalised(status)]);
  const filters = element("form", { class: "filters", role: "search", "aria-label": "Wishlists", onsubmit: submit },
    element("label", {}, element("span", {}, "Search"), search),
    choice("status", "State",
      [["", "All"], ["active", "Active"], ["inactive", "Inactive"], ["canceled", "Canceled"]],
      parameters.status ?? "", go),
    choice("dataset_status", "Latest dataset", [["", "All"], ...names], parameters.dataset_status ?? "", go));

  const reader = new Reader({
    read: () => fill(region, () => session.api.wishlists(parameters), render, () => reader.now()),
    untold: () => (channels.length > 0 ? null : "untold"), onState: session.onState,
  });
  // Subscribed first, if it is known to what: then one read is enough.
  if (session.groups) watch(session.groups);
  else reader.now();
  return {
    title: "Wishlists",
    nodes: [element("h1", {}, "Wishlists"), filters, region],
    update: (changed) => {
      parameters = changed;
      showIn(filters, parameters);
      reader.now();
    },
    now: () => reader.now(),
    close: () => {
      reader.end();
      unsubscribe?.();
    },
  };
}

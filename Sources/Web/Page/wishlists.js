// The first view: the wishlists of the caller, with the latest dataset of each.

import { badge, element, emptiness, fill, nameOf, pager, progressBar, time } from "./elements.js";
import { groupChannel } from "./live.js";

const wishlistStatus = { 0: "inactive", 3: "canceled" };

export function showWishlists(session, parameters) {
  const region = element("div");
  const page = parameters.get("page") ?? 1;
  const rows = new Map();
  const groups = new Set();

  const latest = (history) =>
    history
      ? [
          element("span", { class: "latest" }, badge(history.status_label), " ", nameOf(history)),
          progressBar(history),
          element("span", { class: "faint" }, time(history.updated_at)),
        ]
      : [element("span", { class: "faint" }, "No dataset yet")];

  function row(wishlist) {
    const cell = element("div", { class: "dataset" }, latest(wishlist.latest_dataset));
    const training = element("span");
    rows.set(wishlist.slug, { cell, training, history: wishlist.latest_dataset });
    if (wishlist.training_status_label !== "none") training.append(trainingText(wishlist.training_status_label));
    return element("li", { class: "card" },
      element("div", {},
        element("h2", {}, element("a", { href: `#/${encodeURIComponent(wishlist.slug)}` }, wishlist.name)),
        wishlistStatus[wishlist.status] && badge(wishlistStatus[wishlist.status]), training),
      cell);
  }

  const trainingText = (label) => element("span", { class: "faint" }, `Training: ${label}`);

  function render(answer) {
    rows.clear();
    for (const wishlist of answer.data) watch(wishlist.group_id);
    if (answer.data.length === 0) {
      return emptiness("No wishlists", "Your account belongs to no group that has one.");
    }
    return [
      element("ul", { class: "wishlists" }, answer.data.map(row)),
      pager(answer.meta, (number) => `#/?page=${number}`),
    ];
  }

  const load = () => fill(region, () => session.api.wishlists({ page }), render);

  /** Dashboards have a channel over a group, where a deployment publishes to it. */
  function watch(groupID) {
    if (groups.has(groupID) || !session.configuration.channels.includes("group")) return;
    groups.add(groupID);
    session.pusher.subscribe(groupChannel(groupID), { subscribed: load, received });
  }

  function received(event, history) {
    const row = rows.get(history.slug);
    if (!row) return;
    const isOld = row.history && (history.id < row.history.id
      || (history.id === row.history.id && history.revision <= row.history.revision));
    if (isOld) return;
    row.history = history;
    row.cell.replaceChildren(...latest(history));
    if (event === "training.updated") row.training.replaceChildren(trainingText(history.training_status_label));
  }

  load();
  return {
    title: "Wishlists",
    nodes: [element("h1", {}, "Wishlists"), region],
    close: () => groups.forEach((groupID) => session.pusher.unsubscribe(groupChannel(groupID))),
  };
}

// One wishlist: its histories as a table, creating a dataset, and training.

import { badge, capitalised, element, emptiness, fill, nameOf, pager, progressBar, time } from "./elements.js";
import { follow, spoken } from "./live.js";
import { createDialog } from "./create.js";
import { trainingPanel } from "./training.js";

const statuses = ["pending", "queued", "processing", "completed", "failed", "canceled", "stalled"];
const orders = {
  "-id": "Newest first", id: "Oldest first", "-updated_at": "Last changed first", status: "By status",
};

export function showWishlist(session, slug, parameters) {
  const heading = element("h1", {}, slug);
  const state = element("p", { class: "state" });
  const training = element("section", { class: "card training", "aria-label": "Training", hidden: true });
  const table = element("div", { class: "histories" });
  const create = element("button", { class: "primary", type: "button", disabled: true }, "Create dataset");
  const query = Object.fromEntries(parameters);
  const rows = new Map();
  let wishlist = null;
  let panel = null;

  const address = (changes) => {
    const next = new URLSearchParams(Object.entries({ ...query, ...changes }).filter(([, value]) => value));
    return `#/${encodeURIComponent(slug)}${next.size ? `?${next}` : ""}`;
  };

  /** A row that changes in place, so that focus stays where it is. */
  function row(history) {
    const link = element("a", { href: `#/${encodeURIComponent(slug)}/${history.id}` });
    const number = element("span", { class: "faint" });
    const bar = progressBar(history);
    const cells = ["Dataset", "Status", "Progress", "Stage", "Created", "Changed"].map((label) =>
      element("td", { "data-label": label, role: "cell" }));
    const [name, status, progress, stage, created, changed] = cells;
    name.append(link, number);
    progress.append(bar);
    const entry = { node: element("tr", { role: "row" }, cells) };
    entry.update = (history) => {
      entry.history = history;
      link.textContent = nameOf(history);
      number.textContent = history.name && history.dataset_id ? ` ${history.dataset_id}` : "";
      status.replaceChildren(badge(history.status_label));
      bar.update(history);
      stage.replaceChildren(history.error
        ? element("span", { class: "reason" }, history.error.message || history.error.code)
        : history.message ?? (capitalised(history.stage ?? "") || "–"));
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
      return query.status || query.dataset_id
        ? emptiness("Nothing matches", "No dataset of this wishlist is like that.",
            element("a", { class: "button", href: address({ status: "", dataset_id: "", page: "" }) }, "Show all"))
        : emptiness("No dataset yet", "Create the first one: it is analysed for some minutes, and you can watch.");
    }
    const titles = ["Dataset", "Status", "Progress", "Stage", "Created", "Changed"];
    return [
      element("table", { role: "table", "aria-label": "Datasets" },
        element("thead", { role: "rowgroup" }, element("tr", { role: "row" },
          titles.map((title) => element("th", { role: "columnheader", scope: "col" }, title)))),
        element("tbody", { role: "rowgroup" }, answer.data.map(row))),
      pager(answer.meta, (page) => address({ page })),
    ];
  }

  const loadHistories = () => fill(table, () => session.api.histories(slug, query), render);

  function received(event, history) {
    if (history.slug !== slug) return;
    const entry = rows.get(history.id);
    const known = entry?.history;
    if (known && history.revision <= known.revision) return;
    entry?.update(history);
    // A new one, or one that may belong on this page now or no longer.
    if (!known || (query.status && known.status !== history.status)) live.again();
    const text = spoken(known, history);
    if (text) session.announce(text);
    panel?.changed(history, event === "training.updated");
  }

  async function loadWishlist() {
    wishlist = await session.api.wishlist(slug);
    heading.textContent = wishlist.name;
    document.title = `${wishlist.name} – Dataset console`;
    create.disabled = wishlist.status !== 1;
    state.textContent = wishlist.status === 1 ? "" : "This wishlist is not active: no dataset can be made of it.";
    training.hidden = false;
    if (panel) panel.replace(wishlist);
    else panel = trainingPanel(session, wishlist, training);
  }

  const created = (history) => received("dataset.created", history);
  create.addEventListener("click", () => createDialog(session, wishlist, created));
  const live = follow(session, slug, () => Promise.all([loadHistories(), loadWishlist()]), received);
  return {
    title: slug,
    nodes: [
      element("nav", { class: "trail", "aria-label": "Where you are" }, element("a", { href: "#/" }, "Wishlists")),
      element("div", { class: "head" }, heading, create),
      state, training, filters(query, address), table,
    ],
    close: live.end,
  };
}

function filters(query, address) {
  const go = (changes) => (location.hash = address({ ...changes, page: "" }));
  const option = (value, text, chosen) => element("option", { value, selected: value === chosen }, text);
  const select = (name, label, options, chosen) =>
    element("label", {}, element("span", {}, label),
      element("select", { name, onchange: (event) => go({ [name]: event.target.value }) },
        options.map(([value, text]) => option(value, text, chosen))));
  const number = element("input", {
    name: "dataset_id", inputmode: "numeric", pattern: "[0-9]*", placeholder: "Any", value: query.dataset_id,
  });
  const submit = (event) => {
    event.preventDefault();
    go({ dataset_id: number.value.trim() });
  };
  const names = statuses.map((status) => [status, capitalised(status)]);
  return element("form", { class: "filters", role: "search", "aria-label": "Datasets", onsubmit: submit },
    select("status", "Status", [["", "All"], ...names], query.status ?? ""),
    element("label", {}, element("span", {}, "Dataset number"), number),
    select("sort", "Order", Object.entries(orders), query.sort ?? "-id"));
}

// The datasets of all customers, and why one is late.

import { element, fill, loading, problem, progressBar } from "./elements.js";
import { columns as eventColumns } from "./operator-webhooks.js";
import { address, facts, filters, list, poll } from "./operator-parts.js";

const columns = ["history_id", "dataset_id", "status", "slug", "group_id", "created_at", "heard_at", "why"];
const states = [["", "All"], ["pending,queued,processing", "Active"], ["late", "Late"], ["stalled", "Stalled"],
  ["failed", "Failed"], ["completed", "Completed"], ["canceled", "Canceled"]];
const kinds = {
  dataset: "Dataset number", reference: "Reference", slug: "Slug", wishlist: "Wishlist's id", group: "Group's id",
};

export function showDatasets(session, parameters) {
  const query = Object.fromEntries(parameters);
  const region = element("div");
  const kind = Object.keys(kinds).find((name) => query[name]);
  const shown = { by: kind ?? "dataset", text: query[kind] ?? "", state: query.late ? "late" : query.status ?? "" };
  const go = ({ by, text, state }) => {
    const next = { ...(text && { [by]: text }), ...(state === "late" ? { late: "true" } : { status: state }) };
    location.hash = address("datasets", next);
  };
  fill(region, () => session.api.get("datasets", query), (answer) => list("Datasets", columns, answer, {
    link: (row) => address(`datasets/${row.history_id}`), older: (page) => address("datasets", { ...query, page }),
  })).catch((error) => region.replaceChildren(problem(error)));
  return {
    title: "Datasets",
    nodes: [
      element("div", { class: "head" }, element("h1", {}, "Datasets")),
      filters("Datasets", [
        { name: "by", label: "Search by", options: Object.entries(kinds) }, { name: "text", label: "For" },
        { name: "state", label: "State", options: states },
      ], shown, go),
      region,
    ],
    close: () => {},
  };
}

export function showDataset(session, id) {
  const region = element("div", { class: "dataset-view" });
  let last = null;

  async function ask() {
    const [dataset, events] = await Promise.all([
      session.api.get(`datasets/${encodeURIComponent(id)}`), session.api.get("events", { history: id, limit: 50 })]);
    await fill(region, () => ({ dataset, events }), draw);
    // The explanation changes with time alone.
    const before = last;
    last = JSON.stringify([{ ...dataset, why: "" }, events]);
    return before !== null && before !== last;
  }

  const draw = ({ dataset, events }) => [
    element("section", { class: "card summary" }, element("h2", {}, "Explanation"),
      element("p", { class: "now" }, dataset.why),
      progressBar({ ...dataset, status_label: dataset.status })),
    element("section", { class: "card" }, element("h2", {}, "Details"),
      facts(dataset, [
        "status", "dataset_id", "reference", "name", "slug", "wishlist", "wishlist_id", "group_id", "created_by",
        "stage", "message", "error_code", "error_message", "sequence", "revision", "notified_revision", "owed_since",
        "created_at", "started_at", "heard_at", "deadline_at", "redelivery_asked_at", "finished_at"])),
    dataset.dead_letters.length > 0 && element("p", { class: "state" },
      element("a", { href: "#/backlog/dead-letters" }, `${dataset.dead_letters.length} dead letters`)),
    element("h2", {}, "Events"),
    list("Events", eventColumns, events, {
      link: (row) => address(`webhooks/${row.id}`), older: (page) => address("webhooks", { history: id, page }),
    }),
  ];
  region.append(loading());
  const end = poll(ask, { state: session.showConnection, failed: (error) => {
    if (last === null) region.replaceChildren(problem(error));
  } });
  return {
    title: `History ${id}`,
    nodes: [
      element("nav", { class: "trail", "aria-label": "Where you are" },
        element("a", { href: "#/datasets" }, "Datasets")),
      element("div", { class: "head" }, element("h1", {}, `History ${id}`)), region,
    ],
    close: end,
  };
}

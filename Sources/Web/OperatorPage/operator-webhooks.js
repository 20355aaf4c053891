// The log: webhooks as they come, and changes of the service's own.

import { element, fill } from "./elements.js";
import { address, filters, list, poll } from "./operator-parts.js";

export const columns = ["id", "recorded_at", "type", "outcome", "dataset_id", "sequence", "history_id",
  "revision", "reason"];
const outcomes = ["applied", "stale", "ignored", "parked", "rejected"];
const types = ["dataset.created", "dataset.queued", "dataset.started", "dataset.progress",
  "dataset.completed", "dataset.failed",
  "dataset.canceled", "dataset.stalled", "training.started", "training.completed", "training.failed",
  "training.updated"];
const named = (names) => [["", "All"], ...names.map((name) => [name, name])];

const fields = [
  { name: "type", label: "Type", options: named(types) },
  { name: "outcome", label: "Outcome", options: named(outcomes) },
  { name: "dataset", label: "Dataset number" },
  { name: "reference", label: "Reference" },
  { name: "slug", label: "Wishlist's slug" },
  { name: "key", label: "webhook-id" },
  { name: "since", label: "Since", placeholder: "2026-11-23T16:00:00Z" },
  { name: "until", label: "Until", placeholder: "2026-11-23T17:00:00Z" },
];

export function showWebhooks(session, parameters) {
  const query = Object.fromEntries(parameters);
  const region = element("div");
  let last = null;

  async function ask() {
    let isNew = false;
    await fill(region, () => session.api.get("events", query), (answer) => {
      const newest = answer.data[0]?.id ?? 0;
      isNew = last !== null && newest !== last;
      last = newest;
      return list("Webhooks", columns, answer, {
        link: (row) => address(`webhooks/${row.id}`),
        older: (page) => address("webhooks", { ...query, page }),
      });
    });
    return isNew;
  }

  const go = (next) => (location.hash = address("webhooks", next));
  const isOld = Boolean(query.page);
  const end = isOld ? (ask(), () => {}) : poll(ask, { state: session.showConnection });
  return {
    title: "Webhooks",
    nodes: [
      element("div", { class: "head" }, element("h1", {}, "Webhooks"),
        isOld && element("a", { class: "button", href: address("webhooks", { ...query, page: "" }) }, "Newest")),
      filters("Webhooks", fields, query, go), region,
    ],
    close: end,
  };
}

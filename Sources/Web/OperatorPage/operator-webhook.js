// One webhook: when each step was, what it changed, its body, and the rest of its dataset's events.

import { element, fill, problem } from "./elements.js";
import { columns } from "./operator-webhooks.js";
import { address, confirm, facts, list, run, table } from "./operator-parts.js";

export function showWebhook(session, id) {
  const region = element("div", { class: "dataset-view" });
  const rest = element("div", { class: "dataset-view" });

  const load = () => fill(region, () => session.api.get(`events/${encodeURIComponent(id)}`), (event) => {
    if (event.dataset_id) others(event);
    return [
      steps(event),
      element("section", { class: "card" }, element("h2", {}, "What it says and changed"),
        facts(event, ["outcome", "answer", "reason", "type", "dataset_id", "sequence", "history_id",
          "revision", "status",
          "progress", "stage", "message"]),
        element("dl", { class: "facts" }, element("div", {}, element("dt", {}, "webhook-id"),
          element("dd", {}, element("code", {}, event.key)))),
        event.history_id && element("p", {},
          element("a", { href: address(`datasets/${event.history_id}`) }, "Its dataset"))),
      session.mayAct && event.outcome !== "applied" && actions(event),
      body(event.body),
    ];
  }).catch((error) => region.replaceChildren(problem(error)));

  const others = (event) => fill(rest, () =>
    session.api.get("events", { dataset: event.dataset_id, limit: 20 }), (answer) => [
    element("h2", {}, `Events of dataset ${event.dataset_id}`),
    list("Events of the dataset", columns, answer, {
      link: (row) => address(`webhooks/${row.id}`),
      older: (page) => address("webhooks", { dataset: event.dataset_id, page }),
    })]);

  function actions(event) {
    const result = element("div", { "aria-live": "polite" });
    const replayed = (answer) => answer.data.length
      ? table("What becomes of it", ["id", "type", "before", "now", "reason"], answer.data)
      : element("p", {}, "It stays as it is: it was applied before.");
    const button = (text, action) => element("button", {
      type: "button", onclick: (event) => run(event.currentTarget, result, session, action),
    }, text);
    const replay = (isDry) => async () => {
      const answer = await session.api.post("events/replay", { ids: [event.id], dry_run: isDry });
      if (!isDry) load();
      return [element("p", {}, isDry ? "Nothing was changed. It would be:" : "Replayed:"), replayed(answer)];
    };
    const drop = async () => {
      if (!(await confirm(
        "Drop this webhook?", "It stays in the log as ignored, and is not applied.", "Drop"))) return null;
      const { count } = await session.api.post("events/drop", { ids: [event.id] });
      load();
      return `${count} dropped.`;
    };
    const isOpen = ["parked", "rejected"].includes(event.outcome);
    return element("section", { class: "card" }, element("h2", {}, "Actions"),
      element("div", { class: "controls" }, button("Dry run", replay(true)), button("Replay", replay(false)),
        isOpen && button("Drop", drop)), result);
  }

  load();
  return {
    title: `Webhook ${id}`,
    nodes: [
      element("nav", { class: "trail", "aria-label": "Where you are" },
        element("a", { href: "#/webhooks" }, "Webhooks")),
      element("div", { class: "head" }, element("h1", {}, `Webhook ${id}`)), region, rest,
    ],
    close: () => {},
  };
}

/** To the microsecond, as the log has it; other words stay as they are. */
const exact = (text) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)
  ? element("time", { datetime: text, title: new Date(text).toString() }, text) : text;

function steps(event) {
  return element("section", { class: "card" }, element("h2", {}, "When"),
    element("dl", { class: "facts" }, [
      ["Happened", event.happened_at], ["Sent", event.sent_at], ["Received", event.received_at],
      ["Committed", event.recorded_at], ["Notified", event.notified]]
      .filter(([, value]) => value).map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, exact(value))))));
}

function body(text) {
  let pretty = null;
  try {
    pretty = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Not JSON: there is only the raw one.
  }
  const raw = element("pre", {}, text);
  return element("section", { class: "card" }, element("h2", {}, "Body"),
    pretty
      ? [element("pre", {}, pretty), element("details", {}, element("summary", {}, "As it was received"), raw)]
      : raw);
}

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
      element("section", { class: "card" }, element("h2", {}, "Content and outcome"),
        facts(event, ["outcome", "answer", "reason", "type", "dataset_id", "sequence", "history_id",
          "revision", "status",
          "progress", "stage", "message"]),
        element("dl", { class: "facts" }, element("div", {}, element("dt", {}, "webhook-id"),
          element("dd", {}, element("code", {}, event.key)))),
        event.history_id && element("p", {},
          element("a", { href: address(`datasets/${event.history_id}`) }, "Show its dataset"))),
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
      ? table("Outcome", ["id", "type", "before", "now", "reason"], answer.data)
      : element("p", {}, "No change: it was applied before.");
    const button = (text, action) => element("button", {
      type: "button", onclick: (event) => run(event.currentTarget, result, session, action),
    }, text);
    const replay = (isDry) => async () => {
      const answer = await session.api.post("events/replay", { ids: [event.id], dry_run: isDry });
      if (!isDry) load();
      return [element("p", {}, isDry ? "Nothing was changed. A replay would do this:" : "Replayed:"), replayed(answer)];
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

const instant = /(\d{4}-\d\d-\d\dT[\d:.]+Z)/;

/** Times in a text to the microsecond, as logs have them; the local time shows on hover. */
const exact = (text) => text.split(instant).map((part) => (instant.test(part)
  ? element("time", { datetime: part, title: new Date(part).toString() }, part.replace("T", " ").replace("Z", " UTC"))
  : part));

/** How long after `from` it was, such as "3.2 ms later"; nothing where that is not known, or clocks contradict it. */
function later(from, to) {
  if (!from || !instant.test(to)) return null;
  const microseconds = (text) => Date.parse(text) * 1000 + Number(text.match(/\.\d{3}(\d{3})Z$/)?.[1] ?? 0);
  const gone = (microseconds(to) - microseconds(from)) / 1000;
  if (gone < 0) return null;
  return element("span", { class: "faint" }, gone < 1000 ? ` ${gone.toFixed(1)} ms later`
    : ` ${(gone / 1000).toFixed(1)} s later`);
}

/** When each step was. What the other side says of its own times is by its own clock. */
function steps(event) {
  const received = event.received_at;
  return element("section", { class: "card" }, element("h2", {}, "Steps"),
    element("dl", { class: "facts" }, [
      ["Happened", event.happened_at], ["Sent", event.sent_at], ["Received", received],
      ["Committed", event.recorded_at, received],
      ["Notified", event.notified, instant.exec(event.notified)?.index === 0 && received]]
      .filter(([, value]) => value).map(([name, value, from]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, exact(value), later(from, value))))));
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

// One dataset: where it stands, its result or error, and its timeline.

import { badge, capitalised, duration, element, fill, nameOf, progressBar, time } from "./elements.js";
import { follow, spoken } from "./live.js";

export function showDataset(session, slug, id) {
  const heading = element("h1", {}, `Dataset ${id}`);
  const body = element("div", { class: "dataset-view" });
  const summary = element("section", { class: "card summary", "aria-label": "State" });
  const now = element("p", { class: "now" });
  const facts = element("dl", { class: "facts" });
  const outcome = element("div", { class: "outcome" });
  const timeline = element("ol", { class: "timeline", reversed: true });
  const untold = element("p", { class: "faint" }, "Nothing was recorded: this dataset is older than the timeline.");
  /** By revision. */
  const events = new Map();
  let history = null;
  let bar = null;

  const lastRevision = () => Math.max(0, ...events.keys());

  function draw() {
    const name = nameOf(history);
    heading.textContent = name;
    document.title = `${name} – Dataset console`;
    const took = duration(history.started_at, history.finished_at);
    const terms = [
      ["Dataset number", history.dataset_id],
      ["Reference", history.reference && element("code", {}, history.reference)],
      ["Created", time(history.created_at)], ["Started", time(history.started_at)],
      ["Finished", history.finished_at && [time(history.finished_at), took && ` after ${took}`]],
      ["Changed", time(history.updated_at)],
    ];
    if (!bar) summary.append(now, (bar = progressBar(history)), facts);
    bar.update(history);
    now.replaceChildren(badge(history.status_label), ` ${history.message ?? capitalised(history.stage ?? "")}`);
    facts.replaceChildren(...terms.filter(([, value]) => value).map(([term, value]) =>
      element("div", {}, element("dt", {}, term), element("dd", {}, value))));
    outcome.replaceChildren(...[history.error && errorCard(history.error), history.result && resultCard(history.result)]
      .filter(Boolean));
  }

  function drawTimeline() {
    const entries = grouped([...events.values()].sort((a, b) => a.revision - b.revision));
    timeline.replaceChildren(...entries.reverse().map(entryNode));
    untold.hidden = events.size > 0;
  }

  /** Takes a newer state of the history; its result comes with `show` only. */
  function take(newer) {
    const text = spoken(history, newer);
    history = { ...newer, result: newer.result ?? (newer.status === history?.status ? history.result : null) };
    draw();
    if (text) session.announce(text);
  }

  async function loadHistory() {
    const { data } = await session.api.history(slug, id);
    if (!history || data.revision >= history.revision) take(data);
  }

  /** All of it at first; then what was missed, and the state if there was any. */
  async function load() {
    const [missed] = await Promise.all([session.api.events(slug, id, lastRevision()), history ?? loadHistory()]);
    for (const event of missed) events.set(event.revision, event);
    drawTimeline();
    const lacksResult = history.status_label === "completed" && !history.result;
    if (missed.some((event) => event.revision > history.revision) || lacksResult) await loadHistory();
  }

  function received(event, newer) {
    if (String(newer.id) !== id || !history || newer.revision <= history.revision) return;
    const isNext = newer.revision === lastRevision() + 1 && event !== "training.updated";
    take(newer);
    if (isNext) {
      events.set(newer.revision, { ...newer, type: event, created_at: newer.updated_at });
      drawTimeline();
    } else {
      live.again();
    }
    if (newer.status_label === "completed" && !history.result) live.again(0);
  }

  const live = follow(session, slug, () => fill(body, load, () => [
    summary, outcome, element("section", { class: "card" }, element("h2", {}, "Timeline"), timeline, untold),
  ]), received);
  return {
    title: `Dataset ${id}`,
    nodes: [
      element("nav", { class: "trail", "aria-label": "Where you are" },
        element("a", { href: "#/" }, "Wishlists"), element("span", { "aria-hidden": "true" }, "›"),
        element("a", { href: `#/${encodeURIComponent(slug)}` }, slug)),
      element("div", { class: "head" }, heading), body,
    ],
    close: live.end,
  };
}

/** Progress of one stage in a row becomes one entry. */
function grouped(events) {
  const entries = [];
  for (const event of events) {
    const last = entries.at(-1);
    if (event.type === "dataset.progress" && last?.type === event.type && last.stage === event.stage) {
      entries[entries.length - 1] = { ...event, first: last.first ?? last, count: (last.count ?? 1) + 1 };
    } else {
      entries.push(event);
    }
  }
  return entries;
}

function entryNode(entry) {
  const [subject, what] = entry.type.split(".");
  const title = what === "progress" ? capitalised(entry.stage ?? "progress") : capitalised(`${subject} ${what}`);
  const from = entry.first && entry.first.progress !== entry.progress ? `${entry.first.progress} % → ` : "";
  const details = [
    what === "progress" && entry.progress !== null && `${from}${entry.progress} %`,
    entry.count && `${entry.count} updates`, subject === "training" && entry.training_status_label,
    subject === "dataset" && what !== "completed" && (entry.error?.message ?? entry.message),
  ].filter(Boolean);
  return element("li", { class: `is-${what}`, value: entry.revision },
    element("span", { class: "what" }, element("strong", {}, title), details.length > 0 && ` ${details.join(" · ")}`),
    element("span", { class: "faint" }, time(entry.created_at, { clock: true })));
}

function errorCard(error) {
  return element("section", { class: "card failed", "aria-label": "Error" },
    element("h2", {}, "Why it failed"),
    element("p", {}, error.message || "No reason was given."), element("p", {}, element("code", {}, error.code)));
}

function resultCard(result) {
  return element("section", { class: "card", "aria-label": "Result" },
    element("h2", {}, "Result"),
    element("dl", { class: "facts" }, Object.entries(result).map(([name, value]) =>
      element("div", {}, element("dt", {}, capitalised(name)), element("dd", {}, valueNode(value))))));
}

function valueNode(value) {
  if (typeof value === "number") return value.toLocaleString();
  if (value !== null && typeof value === "object") return element("pre", {}, JSON.stringify(value, null, 2));
  const text = String(value);
  if (/^\d{4}-\d\d-\d\dT.*Z$/.test(text) && !Number.isNaN(Date.parse(text))) return time(text);
  // Only addresses of the web become links.
  if (/^https?:\/\//.test(text)) return element("a", { href: text, rel: "noreferrer" }, text);
  return text;
}

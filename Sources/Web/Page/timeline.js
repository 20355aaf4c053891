// The timeline of a dataset: what happened, the newest first; earlier changes come as one scrolls to them.

import { capitalised, duration, element, time, words } from "./elements.js";

/** How near the end of what is shown has to be in sight, in pixels. */
const margin = 200;

/** Shows events; `more()` reads earlier ones. `show(events, hasMore)` takes them newest first, and adds what is new. */
export function showTimeline(more) {
  const list = element("ol", { class: "timeline" });
  const untold = element("p", { class: "faint" }, "Nothing was recorded: this dataset is older than the timeline.");
  const button = element("button", { type: "button" }, "Show earlier");
  const failure = element("p", { class: "faint", role: "status" });
  const foot = element("div", { class: "earlier" }, button, failure);
  /** What is shown, newest first: `{ events, node }`, progress of one stage in a row as one. */
  const entries = [];
  let isReading = false;

  async function read() {
    if (isReading) return;
    isReading = true;
    try {
      await more();
      failure.textContent = "";
    } catch (error) {
      failure.textContent = error.message;
    } finally {
      isReading = false;
    }
    // Observed anew, it is told again if the end is still in sight.
    observer.unobserve(foot);
    setTimeout(() => observer.observe(foot), failure.textContent ? 10_000 : 0);
  }
  button.addEventListener("click", read);
  const observer = new IntersectionObserver(
    (seen) => seen.at(-1).isIntersecting && read(), { rootMargin: `${margin}px` });
  observer.observe(foot);

  const isOneWith = (entry, event) =>
    entry?.events[0].type === "dataset.progress" && event.type === "dataset.progress"
      && entry.events[0].stage === event.stage;

  function add(event, isNewer) {
    const entry = isNewer ? entries[0] : entries.at(-1);
    if (isOneWith(entry, event)) {
      entry.events[isNewer ? "unshift" : "push"](event);
      entry.isOld = true;
      return;
    }
    const added = { events: [event], node: entryNode([event]) };
    if (isNewer) {
      entries.unshift(added);
      list.prepend(added.node);
    } else {
      entries.push(added);
      list.append(added.node);
    }
  }

  function show(events, hasMore) {
    const newest = entries[0]?.events[0].revision ?? -1;
    const oldest = entries.at(-1)?.events.at(-1).revision ?? Infinity;
    const isFirst = entries.length === 0;
    if (!isFirst) for (const event of events.filter((event) => event.revision > newest).reverse()) add(event, true);
    for (const event of events) if (isFirst || event.revision < oldest) add(event, false);
    for (const entry of entries) {
      if (!entry.isOld) continue;
      const node = entryNode(entry.events);
      entry.node.replaceWith(node);
      Object.assign(entry, { node, isOld: false });
    }
    foot.hidden = !hasMore;
    untold.hidden = entries.length > 0;
  }

  const node = element("section", { class: "card", "aria-label": "Timeline" },
    element("h2", {}, "Timeline"), list, untold, foot);
  return { node, show };
}

/** How long each stage took, as far as it is known, oldest first: `[stage, "2 min 14 s"]`. */
export function stages(events, hasMore, end) {
  const parts = [];
  for (const event of [...events].reverse()) {
    if (event.type.startsWith("training")) continue;
    const last = parts.at(-1);
    if (last?.stage !== event.stage) parts.push({ stage: event.stage, from: event.created_at });
  }
  // The first one known may have begun before.
  return parts.map((part, index) => [part.stage, duration(part.from, parts[index + 1]?.from ?? end)])
    .slice(hasMore ? 1 : 0).filter(([stage, took]) => stage && took);
}

/** One entry of events that tell the same, newest first. */
function entryNode(events) {
  const [event, first] = [events[0], events.at(-1)];
  const [subject, what] = event.type.split(".");
  const title = what === "progress" ? capitalised(event.stage ?? "progress") : capitalised(`${subject} ${what}`);
  const from = first.progress !== event.progress && first !== event ? `${first.progress} % → ` : "";
  const message = subject === "dataset" && what !== "completed" ? event.error?.message ?? event.message
    : event.type === "training.failed" ? event.error?.message : null;
  const details = [
    what === "progress" && event.progress !== null && `${from}${event.progress} %`,
    first !== event && `${events.length} updates`, subject === "training" && event.training_status_label,
  ].filter(Boolean).join(" · ");
  return element("li", { class: `is-${what}` },
    element("span", { class: "what" }, element("strong", { dir: "auto" }, title), details && ` ${details}`,
      message && [details ? " · " : " ", words(message)]),
    element("span", { class: "faint" }, time(event.created_at, { exact: true })));
}

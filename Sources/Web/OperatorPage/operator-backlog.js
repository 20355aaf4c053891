// What is left over: rejected, parked and ignored webhooks, owed notifications, and dead letters.

import { element, fill, problem } from "./elements.js";
import { address, confirm, list, run, table } from "./operator-parts.js";

const tabs = {
  rejected: "Rejected", parked: "Parked", ignored: "Ignored", owed: "Owed", "dead-letters": "Dead letters",
};
const explanations = {
  rejected: "Signed webhooks with content that is wrong. They were answered 422 and changed nothing.",
  parked: "Webhooks of datasets that are not known here. They are applied once their dataset is known.",
  ignored: "Signed webhooks of a type that is not known here, and what was dropped.",
  owed: "Datasets with notifications that Pusher has not taken yet, the longest waiting first, 50 at most.",
  "dead-letters": "Notifications that Pusher has refused for good.",
};
const eventColumns = ["id", "recorded_at", "type", "dataset_id", "sequence", "reason"];
const owedColumns = ["history_id", "dataset_id", "slug", "status", "revision", "notified_revision", "owed_since",
  "leased"];
const letterColumns = ["id", "refused_at", "type", "dataset_id", "slug", "revision", "reason"];

export function showBacklog(session, tab, parameters) {
  const isLetters = tab === "dead-letters";
  const mayAct = session.mayAct && tab !== "owed";
  const page = parameters.get("page");
  const region = element("div");
  const result = element("div", { "aria-live": "polite" });
  const counts = new Map(Object.keys(tabs).map((name) => [name, element("span", { class: "count" })]));
  const picked = new Set();
  const chosen = element("span", { class: "faint" });
  const showChosen = () => {
    chosen.textContent = picked.size ? `${picked.size} chosen` : "None chosen: an action takes all of this kind";
  };
  showChosen();

  async function count() {
    const { waiting } = await session.api.get("overview");
    const numbers = { ...waiting, owed: waiting.owing, "dead-letters": waiting.dead_letters };
    for (const [name, node] of counts) {
      node.textContent = numbers[name] >= waiting.counted_up_to ? ` ${waiting.counted_up_to}+` : ` ${numbers[name]}`;
    }
  }

  const [path, query, columns] = {
    owed: ["owed", {}, owedColumns], "dead-letters": ["dead-letters", { page }, letterColumns],
  }[tab] ?? ["events", { outcome: tab, page }, eventColumns];
  const load = () => {
    picked.clear();
    showChosen();
    count().catch(() => {}); // the rows say what is wrong
    fill(region, () => session.api.get(path, query), (answer) => list(tabs[tab], columns, answer, {
      link: (row) => address(tab === "owed" ? `datasets/${row.history_id}` : `webhooks/${row.id}`),
      older: (next) => address(`backlog/${tab}`, { page: next }), pick: mayAct ? picked : null, onpick: showChosen,
    })).catch((error) => region.replaceChildren(problem(error, load)));
  };

  const meant = () => (picked.size ? { ids: [...picked] } : isLetters ? { all: true } : { filter: { outcome: tab } });
  const button = (text, action, isPrimary) => element("button", {
    type: "button", class: isPrimary && "primary",
    onclick: (event) => run(event.currentTarget, result, session, action),
  }, text);
  const howMany = () => (picked.size ? `${picked.size} chosen` : "All of this kind");

  const replay = (isDry) => async () => {
    const question = `${howMany()}, oldest first, as if they were received now.`;
    if (!isDry && !(await confirm("Replay?", question, "Replay"))) return null;
    const answer = await session.api.post("events/replay", { ...meant(), dry_run: isDry });
    if (!isDry) load();
    const head = isDry ? `Nothing was changed. Of ${answer.found}:` : `${answer.found} replayed:`;
    return [element("p", {}, head),
      answer.data.length > 0 && table(
        "Outcomes", ["id", "type", "before", "now", "reason"], answer.data.slice(0, 100))]
      .filter(Boolean);
  };
  const drop = async () => {
    const isAgreed = await confirm("Drop?", isLetters
      ? `${howMany()}: these notifications will not be sent.`
      : `${howMany()}: they stay in the log as ignored, and are not applied.`, "Drop");
    if (!isAgreed) return null;
    const { count } = await session.api.post(isLetters ? "dead-letters/drop" : "events/drop", meant());
    load();
    return `${count} dropped.`;
  };
  const retry = async () => {
    const answer = await session.api.post("dead-letters/retry", meant());
    load();
    return [element("p", {}, `${answer.count} of ${answer.found} sent.`),
      table("Outcomes", ["id", "type", "outcome", "reason"], answer.data)];
  };

  load();
  const choices = isLetters
    ? [button("Retry", retry, true), button("Drop", drop)]
    : [
        button("Dry run", replay(true)), button("Replay", replay(false), true),
        tab !== "ignored" && button("Drop", drop),
      ];
  return {
    title: tabs[tab],
    nodes: [
      element("div", { class: "head" }, element("h1", {}, tabs[tab])),
      element("nav", { class: "tabs", "aria-label": "Kinds" }, Object.entries(tabs).map(([name, text]) =>
        element("a", { href: `#/backlog/${name}`, "aria-current": name === tab ? "page" : null },
          text, counts.get(name)))),
      element("p", { class: "faint" }, explanations[tab]),
      mayAct && element("div", { class: "controls decisions" }, choices, chosen),
      result, region,
    ].filter(Boolean),
    close: () => {},
  };
}

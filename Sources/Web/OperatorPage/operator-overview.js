// The overview: what is wrong, what came in, how fast, and what waits.

import { badge, element, fill, problem, time } from "./elements.js";
import { address, poll } from "./operator-parts.js";

const outcomes = ["applied", "stale", "ignored", "parked", "rejected"];
const milliseconds = (seconds) =>
  (seconds === null || seconds === undefined ? "–" : `${(seconds * 1000).toFixed(1)} ms`);

export function showOverview(session) {
  const findings = element("section", { class: "card", "aria-label": "Findings" });
  const figures = element("div", { class: "tiles" });
  const chart = element("section", { class: "card", "aria-label": "The last hour" });
  let last = "";

  async function ask() {
    const answer = await session.api.get("overview");
    const text = JSON.stringify(answer);
    if (text === last) return false;
    last = text;
    figures.replaceChildren(...tiles(answer));
    chart.replaceChildren(element("h2", {}, "Webhooks and changes of the last hour"), ...columns(answer.recent));
    return true;
  }

  const look = () => fill(findings, () => session.api.get("doctor"), (answer) => [
    element("h2", {}, "Findings"), checks(answer.data)])
      .catch((error) => findings.replaceChildren(problem(error, look)));
  look();
  const end = poll(ask, { shortest: 3000, longest: 15000, state: session.showConnection });
  return {
    title: "Overview",
    nodes: [element("div", { class: "head" }, element("h1", {}, "Overview")), figures, chart, findings],
    close: end,
  };
}

function tiles(answer) {
  const { waiting, datasets } = answer;
  const tile = (label, text, link, isBad) =>
    element(link ? "a" : "div", { class: `tile${isBad ? " is-bad" : ""}`, href: link },
    element("span", { class: "faint" }, label), element("strong", {}, String(text ?? "–")));
  const active = (datasets.pending ?? 0) + (datasets.queued ?? 0) + (datasets.processing ?? 0);
  const lag = waiting.lag_seconds ? `${Math.round(waiting.lag_seconds)} s` : "None";
  return [
    tile("Active datasets", active, address("datasets", { status: "pending,queued,processing" })),
    tile("Late", datasets.late, address("datasets", { late: "true" }), datasets.late > 0),
    tile("Stalled", datasets.stalled, address("datasets", { status: "stalled" }), datasets.stalled > 0),
    tile("Rejected", waiting.rejected, "#/backlog/rejected", waiting.rejected > 0),
    tile("Parked", waiting.parked, "#/backlog/parked"),
    tile("Dead letters", waiting.dead_letters, "#/backlog/dead-letters", waiting.dead_letters > 0),
    tile("Longest owed notification", lag, "#/backlog/owed", waiting.lag_seconds > 120),
    tile("Answer time, median", milliseconds(answer.answer_seconds_p50)),
    tile("Answer time, 99 %", milliseconds(answer.answer_seconds_p99)),
    tile("Callback", answer.callback_registered ? "Registered" : "Not registered", "#/callback",
      !answer.callback_registered),
  ];
}

/** Stacked columns of five minutes, and the same in a table for whoever does not see them. */
function columns(recent) {
  const total = (column) => outcomes.reduce((sum, outcome) => sum + column[outcome], 0);
  const highest = Math.max(1, ...recent.map(total));
  const [width, height] = [720, 120];
  const step = width / Math.max(1, recent.length);
  const svg = (tag, properties, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const bars = recent.flatMap((column, index) => {
    let top = height;
    return outcomes.filter((outcome) => column[outcome] > 0).map((outcome) => {
      const size = Math.max(2, (column[outcome] / highest) * (height - 6));
      top -= size;
      return svg("rect", { x: index * step + 3, y: top, width: step - 6, height: size, rx: 2, class: `is-${outcome}` });
    });
  });
  const sums = outcomes.map((outcome) => [outcome, recent.reduce((sum, column) => sum + column[outcome], 0)]);
  const text = sums.map(([outcome, sum]) => `${sum} ${outcome}`).join(", ");
  return [
    svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img",
      "aria-label": `The last hour: ${text}` }, ...bars),
    element("p", { class: "legend" }, sums.map(([outcome, sum]) => element("span", {}, badge(outcome), ` ${sum}`))),
    element("details", {}, element("summary", {}, "In figures"),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The last hour in figures" },
        element("table", { class: "figures", "aria-label": "The last hour in figures" },
          element("thead", {}, element("tr", {},
            ["From", ...outcomes].map((name) => element("th", { scope: "col" }, name)))),
          element("tbody", {}, recent.map((column) => element("tr", {},
            element("th", { scope: "row" }, time(column.from)),
            outcomes.map((outcome) => element("td", {}, String(column[outcome]))))))))),
  ];
}

function checks(findings) {
  const order = { fault: 0, warning: 1, ok: 2 };
  return element("ul", { class: "findings" }, findings.toSorted((a, b) => order[a.level] - order[b.level]).map((each) =>
    element("li", {}, badge(each.level),
      element("div", {}, element("strong", {}, each.check), ` ${each.finding}`,
        each.remedy && element("p", { class: "faint" }, each.remedy)))));
}

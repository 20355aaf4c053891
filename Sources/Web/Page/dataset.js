// One dataset: where it stands and why it is late, its result or error, and its timeline.

import {
  badge, capitalised, copyButton, duration, element, loading, nameOf, problem, progressBar, redraw, time,
  wishlistName, words,
} from "./elements.js";
import { serviceTime } from "./api.js";
import { followHistory } from "./histories.js";
import { channelOf, spoken, subscribe } from "./live.js";
import { createDialog } from "./create.js";
import { showTimeline, stages } from "./timeline.js";

/** How long one may be silent before it is worth a word, in milliseconds. */
const silence = 120_000;
/** Of how many stages it is told how long they took. */
const lastStages = 8;

export function showDataset(session, slug, id) {
  const heading = element("h1", { dir: "auto" }, `Dataset ${id}`);
  const summary = element("section", { class: "card summary", "aria-label": "State" });
  const now = element("p", { class: "now" });
  const why = element("p", { class: "why" });
  const facts = element("dl", { class: "facts" });
  const actions = element("div", { class: "actions" });
  const outcome = element("div", { class: "outcome" });
  const timeline = showTimeline(() => follower?.more());
  const body = element("div", { class: "dataset-view" }, loading());
  let history = null;
  let events = [];
  let hasMore = false;
  let bar = null;
  let follower = null;
  let retry = null;
  let isOver = false;
  /** Facts by their terms. */
  const drawn = {};

  function draw() {
    const name = nameOf(history);
    heading.textContent = name;
    document.title = `${name} – Dataset console`;
    if (!bar) {
      bar = progressBar(history);
      summary.append(now, bar, why, facts, actions);
      body.replaceChildren(summary, outcome, timeline.node);
    }
    bar.update(history);
    const told = history.message ?? capitalised(history.stage ?? "");
    // The status says it already.
    const text = told === capitalised(history.status_label) ? "" : told;
    redraw(now, history.status_label + text, () => [badge(history.status_label), " ", words(text)]);
    redraw(outcome, JSON.stringify([history.error, history.result]), () =>
      [history.error && errorCard(history.error), history.result && resultCard(history.result)]);
    drawFacts();
    drawActions();
  }

  /** What changes with time too. */
  function drawFacts() {
    if (!history) return;
    const isAtWork = history.status < 3;
    const begun = history.started_at ?? history.created_at;
    const end = history.finished_at ?? (isAtWork ? serviceTime() : null);
    const parts = stages(events, hasMore, isAtWork ? serviceTime() : history.finished_at ?? history.updated_at);
    const terms = [
      ["At work for", isAtWork && duration(begun, end)], ["Took", !isAtWork && duration(begun, end)],
      [parts.length > lastStages ? "Last stages" : "Stages", parts.slice(-lastStages).map(([stage, took]) =>
        element("div", {}, element("span", { dir: "auto" }, capitalised(stage)), `: ${took}`))],
      ["Dataset number", history.dataset_id
        && [`${history.dataset_id} `, copyButton(history.dataset_id, "the number")]],
      ["Reference", history.reference && [element("code", {}, history.reference), " ",
        copyButton(history.reference, "the reference")]],
      ["Made by", history.created_by_name && element("span", { dir: "auto" }, history.created_by_name)],
      ["Created", exact(history.created_at)], ["Started", exact(history.started_at)],
      ["Finished", exact(history.finished_at)], ["Last heard of", exact(history.heard_at)],
      ["Changed", exact(history.updated_at)],
    ];
    for (const fact of Object.values(drawn)) fact.hidden = true;
    const textOf = (value) => [value].flat(2).map((part) => part?.textContent ?? part).join("");
    for (const [term, value] of terms) {
      const fact = (drawn[term] ??= element("div", {}, element("dt", {}, term), element("dd")));
      fact.hidden = !value || value.length === 0;
      if (!fact.isConnected) facts.append(fact);
      redraw(fact.lastChild, textOf(value), () => value);
    }
    const reasons = lateness(history);
    redraw(why, textOf(reasons), () => reasons);
  }

  function drawActions() {
    const isFailed = ["failed", "canceled"].includes(history.status_label);
    actions.hidden = !isFailed;
    if (!isFailed || actions.hasChildNodes()) return;
    const told = element("p", { class: "faint", id: "again-reason" });
    const again = element("button", { type: "button", "aria-describedby": "again-reason" }, "Try again");
    again.addEventListener("click", async () => {
      try {
        const wishlist = await session.api.wishlist(slug);
        session.wishlists.set(slug, wishlist);
        if (!wishlist.create.allowed) told.textContent = wishlist.create.message;
        else createDialog(session, wishlist, { name: history.name, notifications: history.notifications });
      } catch (error) {
        told.textContent = error.message;
      }
    });
    const { retryable } = history.error ?? {};
    told.textContent = retryable === false ? "Another try will fail in the same way, unless something is changed first."
      : retryable ? "Another try may succeed." : "";
    actions.replaceChildren(again, told);
  }

  function changed(state) {
    const text = spoken(history, state.history);
    ({ history, events, hasMore } = state);
    session.histories.set(history.id, history);
    draw();
    timeline.show(events, hasMore);
    if (text) session.announce(text);
  }

  function follow(wishlist) {
    if (isOver) return;
    const channel = wishlist && channelOf(wishlist);
    follower = followHistory({
      url: session.api.historyURL(slug, id), get: session.api.get,
      // What a notification or a create has told is not all.
      known: known && "created_by_name" in known ? session.histories.get(Number(id)) : null,
      subscribe: channel && ((listener) => subscribe(session, [channel], listener)),
      onChange: changed,
      onState: (state) => {
        if (state.name === "denied" && !history) body.replaceChildren(problem(state.error));
        session.onState(state.why === "away" && !channel ? { ...state, why: "untold" } : state);
      },
    });
  }

  const known = session.histories.get(Number(id));
  if (known) {
    history = known;
    draw();
  }
  /** Where it is told live stands in its wishlist; as long as that cannot be read, the history alone is. */
  function load() {
    session.api.wishlist(slug).then((found) => {
      session.wishlists.set(slug, found);
      follower?.end();
      follow(found);
    }, (error) => {
      if (!follower) follow(null);
      if (error.status === 0 || error.status === 429 || error.status >= 500) {
        retry = setTimeout(load, 1000 * Math.max(error.retryAfter ?? 0, 10));
      }
    });
  }
  const wishlist = session.wishlists.get(slug);
  if (wishlist) follow(wishlist);
  else load();
  const ticking = setInterval(drawFacts, 1000);
  return {
    title: known ? nameOf(known) : `Dataset ${id}`,
    nodes: [
      element("nav", { class: "trail", "aria-label": "Where you are" },
        element("a", { href: "#/" }, "Wishlists"), element("span", { "aria-hidden": "true" }, "›"),
        element("a", { href: `#/${encodeURIComponent(slug)}`, dir: "auto" }, wishlist ? wishlistName(wishlist) : slug)),
      element("div", { class: "head" }, heading), body,
    ],
    now: () => follower?.now(),
    close: () => {
      isOver = true;
      clearInterval(ticking);
      clearTimeout(retry);
      follower?.end();
    },
  };
}

const exact = (iso) => iso && time(iso, { exact: true });

/** Why a dataset takes long, and what happens next; nothing if it does not. */
function lateness(history) {
  const { status_label: status, heard_at: heard, deadline_at: deadline, redelivery_asked_at: asked } = history;
  const nodes = [];
  const since = heard ?? history.started_at ?? history.created_at;
  if (status === "stalled") {
    nodes.push("Nothing was heard of it ", since && ["since ", exact(since)], ". ",
      deadline && ["The time allowed was over at ", exact(deadline), ". "]);
    if (asked) nodes.push("What was missed was asked for again at ", exact(asked), ". ");
    nodes.push("It goes on by itself as soon as it is heard of again.");
  } else if (status === "pending") {
    nodes.push("The request has been made; it is not yet acknowledged. It is sent again by itself if need be.");
  } else if (history.status < 3 && asked) {
    nodes.push("Nothing has been heard ", since && ["since ", exact(since)],
      ". What was missed was asked for again at ", exact(asked), ". ",
      deadline && ["If nothing comes until ", exact(deadline), ", it is called stalled; "],
      "it goes on by itself as soon as it is heard of.");
  } else if (history.status < 3 && since && serviceTime() - new Date(since) > silence) {
    nodes.push("Nothing has been heard for ", duration(since, serviceTime()),
      ". If it stays so, what was missed is asked for again.");
  }
  return nodes.flat().filter(Boolean);
}

function errorCard(error) {
  return element("section", { class: "card failed", "aria-label": "Error" },
    element("h2", {}, "Why it failed"),
    element("p", {}, words(error.message || "No reason was given.")),
    element("p", {}, element("code", {}, error.code), " ", copyButton(`${error.code}: ${error.message}`, "the error")));
}

function resultCard(result) {
  const whole = JSON.stringify(result, null, 2);
  return element("section", { class: "card", "aria-label": "Result" },
    element("div", { class: "head" }, element("h2", {}, "Result"), copyButton(whole, "the result")),
    element("dl", { class: "facts" }, Object.entries(result).map(([name, value]) =>
      element("div", {}, element("dt", { dir: "auto" }, capitalised(name)), element("dd", {}, valueNode(value))))));
}

function valueNode(value) {
  if (typeof value === "number") return value.toLocaleString();
  if (value !== null && typeof value === "object") {
    return element("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
  }
  const text = String(value);
  if (/^\d{4}-\d\d-\d\dT.*Z$/.test(text) && !Number.isNaN(Date.parse(text))) return time(text);
  // Only addresses of the web become links.
  if (/^https?:\/\//.test(text)) return element("a", { href: text, rel: "noreferrer" }, text);
  return words(text);
}

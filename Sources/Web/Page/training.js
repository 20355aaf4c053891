// A wishlist's training status, and what it may be set to now.

import { badge, element, problem, time } from "./elements.js";

/** What a client may set, and from where; the service decides, this only shows what it will accept. */
const transitions = {
  none: ["requested"], requested: ["requested", "none", "canceled"], training: ["canceled"],
  trained: ["requested"], failed: ["requested"], canceled: ["requested"],
};
const actions = { none: "Withdraw", canceled: "Cancel training", requested: "Request training" };

/** Shows the panel in `section`. `changed(history, isTraining)` takes what is told of a history. */
export function trainingPanel(session, wishlist, section) {
  const failure = element("div");
  // Kept, with the time that was typed.
  const moment = element("input", { type: "datetime-local", id: "training-at" });
  let isBusy = false;

  /** Why nothing can be set; null if something can. */
  function obstacle() {
    const { code, message } = wishlist.train;
    if (code && code !== "dataset_not_ready") return message;
    if (wishlist.latest_dataset?.status_label !== "completed") {
      return "Training can be requested when the latest dataset is completed.";
    }
    return null;
  }

  async function set(status, moment) {
    if (isBusy) return;
    isBusy = true;
    failure.replaceChildren();
    for (const button of section.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    try {
      const body = { training_status: status, ...(moment && { scheduled_at: new Date(moment).toISOString() }) };
      Object.assign(wishlist, pick((await session.api.setTraining(wishlist.slug, body)).data));
      session.announce(`Training ${wishlist.training_status_label}`);
    } catch (error) {
      failure.replaceChildren(problem(error));
    }
    isBusy = false;
    draw();
  }

  function draw() {
    const focused = section.contains(document.activeElement) ? document.activeElement : null;
    const status = wishlist.training_status_label;
    const reason = obstacle();
    const isSchedulable = !reason && transitions[status].includes("requested");
    const buttons = reason ? [] : transitions[status].map((next) => {
      const onclick = () => set(next, next === "requested" && moment.value);
      const text = next === status ? "Change time" : actions[next];
      return element("button", { type: "button", "data-set": next, onclick }, text);
    });
    section.replaceChildren(
      element("h2", { tabindex: "-1" }, "Training"),
      element("p", { class: "training-status" }, badge(status),
        wishlist.training_scheduled_at && status === "requested"
          && [" for ", time(wishlist.training_scheduled_at, { exact: true })]),
      reason ? element("p", { class: "faint" }, reason) : element("div", { class: "controls" },
        isSchedulable && element("label", {}, element("span", {}, "Not before (optional)"), moment), buttons),
      failure);
    if (!focused) return;
    // The same button, or what stands where it was.
    const same = focused === moment ? moment : section.querySelector(`[data-set="${focused.dataset.set}"]`);
    (same?.isConnected ? same : section.querySelector("button") ?? section.querySelector("h2")).focus();
  }

  /** Draws again only if something else is to be seen. */
  function update(change) {
    const seen = () => JSON.stringify([obstacle(), pick(wishlist)]);
    const before = seen();
    change();
    if (seen() !== before && !isBusy) draw();
  }

  draw();
  return {
    changed: (history, isTraining) => update(() => {
      if (history.id >= (wishlist.latest_dataset?.id ?? 0)) wishlist.latest_dataset = history;
      if (isTraining) Object.assign(wishlist, pick(history));
    }),
    replace: (found) => update(() => (wishlist = found)),
  };
}

const pick = ({ training_status, training_status_label, training_scheduled_at }) =>
  ({ training_status, training_status_label, training_scheduled_at });

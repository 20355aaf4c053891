// The dialog that creates a dataset.

import { element, problem, wishlistName } from "./elements.js";

/** Creates a dataset of the wishlist, by default with the choices in `first`; then shows it. */
export function createDialog(session, wishlist, first = {}) {
  // The same key until there is an answer: sent twice, it is created once.
  let key = newKey();
  const failure = element("div");
  const name = element("input", {
    id: "name", maxlength: 255, autocomplete: "off", dir: "auto", placeholder: wishlistName(wishlist),
    value: first.name,
  });
  const option = (value, text) => element("option", { value, selected: value === first.notifications }, text);
  const notifications = element("select", { id: "notifications" },
    option("all", "Everything"), option("milestones", "Milestones only"), option("none", "Nothing"));
  const submit = element("button", { class: "primary" }, "Create dataset");
  const dialog = element("dialog", { "aria-labelledby": "create-title", onclose: () => dialog.remove() });

  const go = (history) => {
    session.histories.set(history.id, history);
    dialog.close();
    location.hash = `#/${encodeURIComponent(wishlist.slug)}/${history.id}`;
  };
  const send = async (event) => {
    event.preventDefault();
    if (submit.getAttribute("aria-disabled")) return;
    submit.setAttribute("aria-disabled", "true");
    failure.replaceChildren();
    const body = { notifications: notifications.value, ...(name.value.trim() && { name: name.value.trim() }) };
    try {
      go((await session.api.create(wishlist.slug, body, key, session.pusher.socketID)).data);
    } catch (error) {
      if (error.status !== 0) key = newKey();
      const running = error.code === "dataset_already_processing" && error.data;
      failure.replaceChildren(problem(error, null,
        running && element("button", { type: "button", onclick: () => go(running) }, "Watch it")));
      submit.removeAttribute("aria-disabled");
    }
  };
  dialog.append(
    element("form", { onsubmit: send },
      element("h2", { id: "create-title", dir: "auto" }, `Create a dataset of ${wishlistName(wishlist)}`),
      element("label", { for: "name" }, "Name"), name,
      element("label", { for: "notifications" }, "Tell those who watch about"), notifications,
      failure,
      element("div", { class: "actions" },
        element("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), submit)));
  document.body.append(dialog);
  dialog.showModal();
}

const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

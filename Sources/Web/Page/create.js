// The dialog that creates a dataset.

import { element, problem } from "./elements.js";

/** `created(history)` is told of the new history. */
export function createDialog(session, wishlist, created) {
  // The same key until there is an answer: sent twice, it is created once.
  let key = newKey();
  const failure = element("div");
  const name = element("input", { id: "name", maxlength: 255, autocomplete: "off", placeholder: wishlist.name });
  const notifications = element("select", { id: "notifications" },
    element("option", { value: "all" }, "Everything"),
    element("option", { value: "milestones" }, "Milestones only"),
    element("option", { value: "none" }, "Nothing"));
  const submit = element("button", { class: "primary" }, "Create dataset");
  const dialog = element("dialog", { "aria-labelledby": "create-title", onclose: () => dialog.remove() });

  const send = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    failure.replaceChildren();
    const body = { notifications: notifications.value, ...(name.value.trim() && { name: name.value.trim() }) };
    try {
      created((await session.api.create(wishlist.slug, body, key, session.pusher.socketID)).data);
      dialog.close();
    } catch (error) {
      if (error.status !== 0) key = newKey();
      failure.replaceChildren(problem(error));
      submit.disabled = false;
    }
  };
  dialog.append(
    element("form", { onsubmit: send },
      element("h2", { id: "create-title" }, `Create a dataset of ${wishlist.name}`),
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

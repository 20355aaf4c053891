// The callback at the TV Python API, what was refused there, and who did what.

import { element, fill, problem } from "./elements.js";
import { address, confirm, facts, list, run } from "./operator-parts.js";

export function showCallback(session) {
  const region = element("section", { class: "card", "aria-label": "State" });
  const load = () => fill(region, () => session.api.get("callback"), (callback) => [
    element("h2", {},
      callback.is_right ? "Registered as it should be" : callback.url ? "Registered otherwise" : "Not registered"),
    facts(callback, ["url", "expected_url", "missing_events", "accepted_secrets", "secrets_file"]),
  ]).catch((error) => region.replaceChildren(problem(error, load)));

  const step = (title, text, button, action) => {
    const result = element("div", { "aria-live": "polite" });
    return element("li", {}, element("strong", {}, title), element("p", {}, text),
      element("button", { type: "button", onclick: (event) => run(event.currentTarget, result, session, action) },
        button), result);
  };
  const notes = (answer) => element("ul", {}, answer.notes.map((line) => element("li", {}, line)));
  const rotate = (name, question, detail, button) => async () => {
    if (!(await confirm(question, detail, button))) return null;
    const answer = await session.api.post("callback/rotate", { step: name });
    load();
    return notes(answer);
  };
  load();
  return {
    title: "Callback",
    nodes: [
      element("div", { class: "head" }, element("h1", {}, "Callback")), region,
      session.mayAct && element("section", { class: "card" }, element("h2", {}, "Repair and test"),
        element("ol", { class: "steps" },
          step("Synchronise", "Registers the callback with the first secret, and checks what is registered.",
            "Synchronise",
            async () => {
              await session.api.post("callback/sync");
              load();
              return "Registered.";
            }),
          step("Send a test webhook",
            "Sends a signed webhook that changes nothing to the public URL. The right answer is 200 and ignored.",
            "Send", async () => `Answered ${(await session.api.post("callback/test")).answer}`))),
      session.mayAct && element("section", { class: "card" }, element("h2", {}, "Rotate the secret"),
        element("p", {}, "Webhooks signed with the old secret or with the new one are accepted throughout."),
        element("ol", { class: "steps" },
          step("Create a secret",
            "It is written to the file before the old ones, and the instances on this machine read it.",
            "Create a secret",
            rotate("prepare", "Create another secret?", "It is accepted at once, and not registered yet.", "Create")),
          step("Register it",
            "Copy the file to the other machines and reload the instances there first.", "Register it",
            rotate("register", "Register the first secret?", "All instances must accept it by now.", "Register")),
          step("Remove the old secrets",
            "When no retry signed with an old secret can come any more, after four days at the latest.",
            "Remove the old secrets",
            rotate("finish", "Remove the old secrets?", "Webhooks that are signed with them are refused from then on.",
              "Remove")))),
    ].filter(Boolean),
    close: () => {},
  };
}

export function showRefused(session, parameters) {
  const region = element("div");
  const page = parameters.get("page");
  fill(region, () => session.api.get("refused", { page }), (answer) =>
    list("Refused webhooks", ["refused_at", "reason", "address", "webhook_id"], answer, {
      older: (next) => address("refused", { page: next }),
    })).catch((error) => region.replaceChildren(problem(error)));
  return {
    title: "Refused",
    nodes: [
      element("div", { class: "head" }, element("h1", {}, "Refused")),
      element("p", { class: "faint" },
        "The newest webhooks that were answered 401, with the reason that their senders are not told."),
      region,
    ],
    close: () => {},
  };
}

export function showActions(session, parameters) {
  const region = element("div");
  const page = parameters.get("page");
  fill(region, () => session.api.get("actions", { page }), (answer) =>
    list("Actions", ["begun_at", "actor", "action", "changed", "target", "result"], answer, {
      older: (next) => address("actions", { page: next }),
    })).catch((error) => region.replaceChildren(problem(error)));
  return {
    title: "Actions",
    nodes: [element("div", { class: "head" }, element("h1", {}, "Actions")), region],
    close: () => {},
  };
}

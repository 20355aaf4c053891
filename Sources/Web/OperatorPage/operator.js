// The operator's page: who is signed in, and which view is open.

import { element, partsOf, problem } from "./elements.js";
import { OperatorAPI } from "./operator-api.js";
import { showBacklog } from "./operator-backlog.js";
import { showActions, showCallback, showRefused } from "./operator-callback.js";
import { showDataset, showDatasets } from "./operator-datasets.js";
import { showOverview } from "./operator-overview.js";
import { showWebhook } from "./operator-webhook.js";
import { showWebhooks } from "./operator-webhooks.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const announcer = document.getElementById("announcer");
const holder = document.getElementById("holder");
const navigation = document.getElementById("views");
const signOutButton = document.getElementById("sign-out");
const views = {
  "": "Overview", webhooks: "Webhooks", refused: "Refused", backlog: "Backlog", datasets: "Datasets",
  callback: "Callback", actions: "Actions",
};

/** What views get: `api`, `mayAct`, `announce(text)`, `showConnection(state)`. Null: nobody is signed in. */
let session = null;
let view = null;

/**
 * Views: `#/`, `#/webhooks?...`, `#/webhooks/ID`, `#/refused`, `#/backlog/KIND`, `#/datasets?...`, `#/datasets/ID`,
 * `#/callback`, `#/actions`.
 */
function open() {
  if (!session) return;
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name = "", id] = partsOf(path);
  const parameters = new URLSearchParams(query);
  view?.close();
  connection.hidden = true;
  if (name === "webhooks") view = id ? showWebhook(session, id) : showWebhooks(session, parameters);
  else if (name === "backlog") view = showBacklog(session, id ?? "rejected", parameters);
  else if (name === "datasets") view = id ? showDataset(session, id) : showDatasets(session, parameters);
  else if (name === "refused") view = showRefused(session, parameters);
  else if (name === "callback") view = showCallback(session);
  else if (name === "actions") view = showActions(session, parameters);
  else view = showOverview(session);
  navigation.replaceChildren(...Object.entries(views).map(([each, text]) =>
    element("a", { href: `#/${each}`, "aria-current": each === name ? "page" : null }, text)));
  show(view.title, view.nodes);
}

function show(title, nodes) {
  document.title = `${title} – Dataset integrator`;
  main.replaceChildren(...nodes.filter(Boolean));
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
  scrollTo(0, 0);
}

function showConnection(state) {
  connection.hidden = false;
  connection.dataset.state = state;
  connection.replaceChildren(element("span", {}, state === "live" ? "Live" : "Connection lost"));
}

function signOut(reason) {
  view?.close();
  view = session = null;
  sessionStorage.removeItem("operator");
  signOutButton.hidden = navigation.hidden = connection.hidden = true;
  holder.textContent = "";
  show("Sign in", [signIn(reason)]);
  main.querySelector("input").focus();
}

function signIn(reason) {
  const failure = element("div");
  if (reason) failure.append(problem({ message: reason }));
  const button = element("button", { class: "primary" }, "Sign in");
  const field = element("input", {
    id: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false",
    "aria-describedby": "token-help",
  });
  const submit = async (event) => {
    event.preventDefault();
    failure.replaceChildren();
    button.disabled = true;
    try {
      await start(field.value.trim());
    } catch (error) {
      failure.replaceChildren(problem({ message: error.status === 401 ? "This token is not valid." : error.message }));
      button.disabled = false;
      field.focus();
    }
  };
  return element("form", { class: "card sign-in", onsubmit: submit },
    element("h1", {}, "Sign in"),
    element("p", {}, "See what came in, why it was refused, and what is owed."),
    element("label", { for: "token" }, "Operator token"),
    field,
    element("p", { id: "token-help", class: "faint" },
      "The last part of an entry of ", element("code", {}, "OPERATOR_TOKEN"),
      ". It stays in this tab and is forgotten when you close it."),
    failure,
    button);
}

/** Signs in with a token; throws `APIError` if it is not accepted. */
async function start(token) {
  const api = new OperatorAPI(token, () =>
    session?.api === api && signOut("The token is not valid any more. Sign in again."));
  const me = await api.get("me");
  session = {
    api, mayAct: me.permission === "act", showConnection,
    announce: (text) => (announcer.textContent = text),
  };
  sessionStorage.setItem("operator", token);
  holder.textContent = session.mayAct ? me.name : `${me.name} (read only)`;
  signOutButton.hidden = navigation.hidden = false;
  open();
}

signOutButton.addEventListener("click", () => signOut());
addEventListener("hashchange", open);

const token = sessionStorage.getItem("operator");
if (token) {
  start(token).catch((error) => {
    if (error.status === 401) signOut("The token is not valid any more. Sign in again.");
    else show("Operator", [element("h1", {}, "Dataset integrator"), problem(error, () => location.reload())]);
  });
} else {
  signOut();
}

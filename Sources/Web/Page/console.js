// The console: who is signed in, which view is open, and the live connection that all views share.

import { API } from "./api.js";
import { element, problem } from "./elements.js";
import { PusherClient } from "./pusher.js";
import { signIn } from "./sign-in.js";
import { showDataset } from "./dataset.js";
import { showWishlist } from "./wishlist.js";
import { showWishlists } from "./wishlists.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const announcer = document.getElementById("announcer");
const signOutButton = document.getElementById("sign-out");

/** What views get: `api`, `pusher`, `configuration`, `announce(text)`. Null: nobody is signed in. */
let session = null;
let view = null;
let countdown = null;

/** Has a screen reader say something. */
function announce(text) {
  announcer.textContent = text;
}

/** Views: `#/`, `#/SLUG?status=&sort=&page=`, `#/SLUG/ID`. A view is `{ title, nodes, close() }`. */
function open() {
  if (!session) return;
  if (location.hash.startsWith("#token=")) history.replaceState(null, "", "#/");
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [slug, id] = path.split("/").filter(Boolean).map(decodeURIComponent);
  const parameters = new URLSearchParams(query);
  view?.close();
  if (id) view = showDataset(session, slug, id);
  else if (slug) view = showWishlist(session, slug, parameters);
  else view = showWishlists(session, parameters);
  show(view.title, view.nodes);
}

function show(title, nodes) {
  document.title = `${title} – Dataset console`;
  main.replaceChildren(...nodes);
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
  scrollTo(0, 0);
}

function showConnection(state) {
  clearInterval(countdown);
  connection.hidden = state.name === "closed";
  connection.dataset.state = state.name;
  const connect = () => session.pusher.connect();
  const again = element("button", { class: "quiet", type: "button", onclick: connect }, "Connect now");
  const texts = { connecting: "Connecting…", live: "Live", waiting: "Connection lost", refused: "Not live" };
  connection.replaceChildren(element("span", {}, texts[state.name] ?? ""));
  if (state.name === "refused") connection.append(element("span", { class: "reason" }, state.reason), again);
  if (state.name !== "waiting") return;
  // Not part of what a screen reader is told: it changes every second.
  const remaining = element("span", { class: "reason", "aria-hidden": "true" });
  const tick = () => {
    remaining.textContent = `next try in ${Math.max(0, Math.ceil((state.until - Date.now()) / 1000))} s`;
  };
  tick();
  countdown = setInterval(tick, 1000);
  connection.append(remaining, again);
}

function signOut(reason) {
  view?.close();
  view = null;
  session?.pusher.close();
  session = null;
  sessionStorage.removeItem("token");
  signOutButton.hidden = true;
  show("Sign in", signIn(start, reason));
  main.querySelector("input").focus();
}

/** Signs in with a token; throws `APIError` if it is not accepted. */
async function start(token) {
  const api = new API(token, () => session && signOut("The token is not valid any more. Sign in again."));
  await api.wishlists({ per_page: 1 });
  const configuration = await (await fetch(new URL("console/config.json", document.baseURI))).json();
  const authorize = (socketID, channel) => api.authorize(socketID, channel);
  const pusher = new PusherClient(configuration.pusher, authorize, showConnection);
  session = { api, pusher, configuration, announce };
  sessionStorage.setItem("token", token);
  signOutButton.hidden = false;
  open();
}

signOutButton.addEventListener("click", () => signOut());
addEventListener("hashchange", open);
addEventListener("online", () => connection.dataset.state === "waiting" && session?.pusher.connect());

const token = sessionStorage.getItem("token");
if (token) {
  start(token).catch((error) => {
    if (error.status === 401) signOut("The token is not valid any more. Sign in again.");
    else show("Console", [element("h1", {}, "Dataset console"), problem(error, () => location.reload())]);
  });
} else {
  signOut();
}

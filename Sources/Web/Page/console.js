// The console: who is signed in, which view is open, and the live connection that all views share.

import { API } from "./api.js";
import { clock, element, partsOf, problem, zone } from "./elements.js";
import { PusherClient } from "./pusher.js";
import { signIn } from "./sign-in.js";
import { showDataset } from "./dataset.js";
import { showWishlist } from "./wishlist.js";
import { showWishlists } from "./wishlists.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const announcer = document.getElementById("announcer");
const signOutButton = document.getElementById("sign-out");

/**
 * What views get: `api`, `pusher`, `announce(text)`, `onState(state)` (of their `Reader`), and what earlier ones have
 * read: `wishlists` by slug, `histories` by id. Null: nobody is signed in.
 */
let session = null;
let view = null;
let countdown = null;
/** Of the connection to Pusher, and of what the view reads. */
let [pushing, reading] = [{ name: "closed" }, { name: "connecting" }];

/** Has a screen reader say something. */
function announce(text) {
  announcer.textContent = text;
}

/**
 * Views: `#/?page=`, `#/SLUG?status=&sort=&page=`, `#/SLUG/ID`.
 * A view is `{ title, nodes, update(parameters), close() }`; other parameters of the view that is open are given to it.
 */
function open() {
  if (!session) return;
  if (location.hash.startsWith("#token=")) history.replaceState(null, "", "#/");
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [slug, id] = partsOf(path);
  const parameters = Object.fromEntries(new URLSearchParams(query));
  if (view?.path === path && view.update) return view.update(parameters);
  view?.close();
  reading = { name: "connecting" };
  if (id) view = showDataset(session, slug, id);
  else if (slug) view = showWishlist(session, slug, parameters);
  else view = showWishlists(session, parameters);
  view.path = path;
  show(view.title, [...view.nodes, element("p", { class: "faint zone" }, zone())]);
}

function show(title, nodes) {
  document.title = `${title} – Dataset console`;
  main.replaceChildren(...nodes);
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
  scrollTo(0, 0);
}

const reasons = {
  away: "Live updates are away", late: "Live updates are late", none: "This dataset sends no live updates",
  milestones: "Live updates tell milestones only", some: "Some datasets here send no live updates",
  untold: "There are no live updates here",
};

/** Says truly how up to date the view is. */
function showState() {
  clearInterval(countdown);
  const { name, why, asOf, until } = reading;
  const isByChoice = ["none", "milestones", "some", "untold"].includes(why);
  connection.hidden = pushing.name === "closed" && !session;
  connection.dataset.state = name === "reading" && isByChoice ? "quiet" : name;
  const texts = {
    connecting: "Connecting…", live: "Live", reading: "Reading every 10 s", limited: "Too many requests",
    unreachable: "Service unreachable", denied: "Not live",
  };
  connection.replaceChildren(element("span", {}, texts[name]));
  // Not part of what a screen reader is told each time: it changes.
  const detail = (text) => connection.append(element("span", { class: "reason", "aria-hidden": "true" }, text));
  const button = (text, onclick) =>
    connection.append(element("button", { class: "quiet", type: "button", onclick }, text));
  if (name === "reading") {
    const refusal = why === "away" && pushing.name === "refused" ? `: ${pushing.reason}` : "";
    detail(`${reasons[why]}${refusal} · as of ${clock(asOf)}`);
    if (why === "away" && pushing.name !== "connecting") button("Connect now", () => session.pusher.connect());
  }
  if (name === "denied") detail(reading.error.message);
  if (!until) return;
  const remaining = element("span", { class: "reason", "aria-hidden": "true" });
  const tick = () => {
    remaining.textContent = `next try in ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s`;
  };
  tick();
  countdown = setInterval(tick, 1000);
  connection.append(remaining);
  if (name === "unreachable") button("Try now", () => view?.now());
}

function signOut(reason) {
  view?.close();
  view = null;
  session?.pusher.close();
  session = null;
  sessionStorage.removeItem("token");
  signOutButton.hidden = true;
  showState();
  show("Sign in", signIn(start, reason));
  main.querySelector("input").focus();
}

/** Signs in with a token; throws `APIError` if it is not accepted. */
async function start(token) {
  const api = new API(token, () => session?.api === api && signOut("The token is not valid any more. Sign in again."));
  await api.wishlists({ per_page: 1 });
  const configuration = await (await fetch(new URL("console/config.json", document.baseURI))).json();
  const authorize = (socketID, channel) => api.authorize(socketID, channel);
  const pusher = new PusherClient(configuration.pusher, authorize, (state) => {
    pushing = state;
    showState();
  });
  const onState = (state) => {
    reading = state;
    showState();
  };
  session = { api, pusher, announce, onState, wishlists: new Map(), histories: new Map() };
  sessionStorage.setItem("token", token);
  signOutButton.hidden = false;
  open();
}

signOutButton.addEventListener("click", () => signOut());
addEventListener("hashchange", open);
addEventListener("online", () => {
  if (!session) return;
  if (pushing.name === "waiting") session.pusher.connect();
  view?.now();
});

const token = sessionStorage.getItem("token");
if (token) {
  start(token).catch((error) => {
    if (error.status === 401) signOut("The token is not valid any more. Sign in again.");
    else show("Console", [element("h1", {}, "Dataset console"), problem(error, () => location.reload())]);
  });
} else {
  signOut();
}

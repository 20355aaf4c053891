// What views follow live, and what of it is said aloud.

import { APIError } from "./api.js";

export const groupChannel = (groupID) => `private-group.${groupID}`;

/** The channel over which a deployment tells about a wishlist. */
async function channelOf({ api, configuration }, slug) {
  if (configuration.channels.includes("wishlist")) return `private-wishlist-to-group.${slug}`;
  if (configuration.channels.includes("presence")) return `presence-wishlist-to-group.${slug}`;
  return groupChannel((await api.wishlist(slug)).group_id);
}

/**
 * Follows a wishlist. `load()` is called whenever something may have been missed: at each subscription, after what came
 * without its predecessors (`again()`), or at the start if the connection takes long. `received(event, history)` takes
 * the rest.
 */
export function follow(session, slug, load, received) {
  let channel = null;
  let timer = null;
  let isOver = false;
  const again = (seconds = 1) => {
    timer ??= isOver ? null : setTimeout(refresh, 1000 * seconds);
  };
  const refresh = () => {
    clearTimeout(timer);
    timer = null;
    load().catch((error) => {
      if (!(error instanceof APIError)) throw error;
      if (error.isPassing) again(error.retryAfter ?? 5);
    });
  };
  again(1.5);
  channelOf(session, slug).then((name) => {
    if (isOver) return;
    channel = name;
    session.pusher.subscribe(channel, { subscribed: refresh, received });
  }, () => refresh());
  const end = () => {
    isOver = true;
    clearTimeout(timer);
    if (channel) session.pusher.unsubscribe(channel);
  };
  return { again, end };
}

/** Words for a screen reader, where a change is worth them: not for each percent. */
export function spoken(before, history) {
  if (before?.status === history.status && before?.stage === history.stage) return null;
  const progress = history.progress === null ? "" : `, ${history.progress} percent`;
  const more = history.error?.message ?? history.message;
  return `Dataset ${history.dataset_id ?? ""} ${history.status_label}${progress}${more ? `. ${more}` : ""}`;
}

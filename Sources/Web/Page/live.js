// How views are connected to Pusher, and what of their changes is said aloud.

/** The first of these kinds of channels that a wishlist is told over here; none: nothing is pushed. */
const kinds = ["private-wishlist-to-group.", "presence-wishlist-to-group.", "private-group."];

export const channelOf = (wishlist) =>
  kinds.map((kind) => wishlist.channels.find((channel) => channel.startsWith(kind))).find(Boolean);

/**
 * Subscribes to channels; `setLive` hears when all of them are subscribed, and when one is lost. Returns what ends it.
 * What came meanwhile over a channel that is still subscribed from an earlier view is read by `setLive(true)`.
 */
export function subscribe({ pusher }, channels, { received, setLive }) {
  const subscribed = new Set();
  if (channels.length === 0) setLive(true);
  const ends = channels.map((channel) =>
    pusher.subscribe(channel, {
      subscribed: () => {
        subscribed.add(channel);
        if (subscribed.size === channels.length) setLive(true);
      },
      lost: () => {
        subscribed.clear();
        setLive(false);
      },
      received,
    }));
  return () => ends.forEach((end) => end());
}

/** Words for a screen reader, where a change is worth them: not for each percent. */
export function spoken(before, history) {
  if (before?.status === history.status && before?.stage === history.stage) return null;
  const progress = history.progress === null ? "" : `, ${history.progress} percent`;
  const more = history.error?.message ?? history.message;
  return `Dataset ${history.dataset_id ?? ""} ${history.status_label}${progress}${more ? `. ${more}` : ""}`;
}

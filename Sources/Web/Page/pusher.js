// A small client of the Pusher Channels protocol, version 7: private and presence channels, liveness, reconnection.

const connectTimeout = 10_000;
const pongTimeout = 30_000;
const firstDelay = 1_000;
const longestDelay = 30_000;
/** A channel that nobody listens to any more is kept so long: the next view may want it. */
const lingering = 10_000;

/** Null: it is not JSON. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Keeps one connection and the subscriptions that are wanted.
 *
 * `onState` hears of `{ name }`: "connecting", "live" (all that is wanted is subscribed), "waiting" (`until`, in
 * milliseconds: the next attempt), "refused" (`reason`; nothing is tried until `connect` is called), "closed".
 */
export class PusherClient {
  #server;
  #authorize;
  #onState;
  #channels = new Map();
  #socket = null;
  #socketID = null;
  #attempts = 0;
  #isAway = false;
  #establishedAt = 0;
  #activityTimeout = 120_000;
  #timers = {};

  /** `server` is `{ key, host, port, scheme }`; `authorize(socketID, channel)` answers `{ auth, channel_data? }`. */
  constructor(server, authorize, onState) {
    this.#server = server;
    this.#authorize = authorize;
    this.#onState = onState;
  }

  /** For `X-Socket-ID`: what this client causes, it is not told. */
  get socketID() {
    return this.#socketID;
  }

  /**
   * Calls `listener.subscribed()` at every subscription, the renewed ones too, then `listener.received(event, data)`,
   * and `listener.lost()` when it is no more, or cannot be. Returns what ends it.
   */
  subscribe(channel, listener) {
    const entry = this.#channels.get(channel) ?? { subscribed: false, isNew: true };
    Object.assign(entry, { listener });
    this.#channels.set(channel, entry);
    if (entry.subscribed) listener.subscribed();
    else if (this.#socketID && entry.isNew) this.#join(channel);
    else if (!this.#socket && !this.#timers.retry) this.connect();
    if (this.#isAway) listener.lost();
    entry.isNew = false;
    return () => this.#leave(channel, listener);
  }

  #leave(channel, listener) {
    const entry = this.#channels.get(channel);
    if (entry?.listener !== listener) return;
    entry.listener = null;
    setTimeout(() => {
      if (entry.listener || this.#channels.get(channel) !== entry) return;
      this.#channels.delete(channel);
      if (this.#socketID) this.#send("pusher:unsubscribe", { channel });
    }, lingering);
  }

  /** Connects now, whatever it is waiting for. */
  connect() {
    this.#forget();
    const { scheme, host, port, key } = this.#server;
    const address = `${scheme}://${host}:${port}/app/${encodeURIComponent(key)}?protocol=7&client=console&version=1`;
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onmessage = (message) => socket === this.#socket && this.#receive(message.data);
    socket.onclose = (event) => socket === this.#socket && this.#lose(event.code, event.reason);
    this.#after("connect", connectTimeout, () => this.#lose());
    this.#onState({ name: "connecting" });
  }

  close() {
    this.#channels.clear();
    this.#forget();
    this.#onState({ name: "closed" });
  }

  #receive(text) {
    const message = parsed(text);
    if (typeof message?.event !== "string") return;
    const data = typeof message.data === "string" ? parsed(message.data) : message.data;
    const channel = this.#channels.get(message.channel);
    this.#watch();
    switch (message.event) {
      case "pusher:connection_established":
        clearTimeout(this.#timers.connect);
        this.#socketID = data.socket_id;
        this.#activityTimeout = 1000 * Math.min(data.activity_timeout || 120, 120);
        this.#establishedAt = Date.now();
        this.#watch();
        for (const name of this.#channels.keys()) this.#join(name);
        break;
      case "pusher:ping":
        this.#send("pusher:pong", {});
        break;
      case "pusher_internal:subscription_succeeded":
        if (!channel) break;
        channel.subscribed = true;
        this.#isAway = false;
        if ([...this.#channels.values()].every((each) => each.subscribed)) this.#onState({ name: "live" });
        channel.listener?.subscribed();
        break;
      case "pusher:subscription_error":
        this.#refuse(channel, data?.error ?? "The subscription was refused.");
        break;
      default:
        // Whoever has the channel can send it events that begin with "client-": they are not the service's.
        if (/^(pusher|client-)/.test(message.event) || !data) break;
        channel?.listener?.received(message.event, data);
    }
  }

  async #join(channel) {
    const socket = this.#socket;
    const isCurrent = () => socket === this.#socket && this.#channels.has(channel);
    try {
      const answer = await this.#authorize(this.#socketID, channel);
      if (isCurrent()) this.#send("pusher:subscribe", { channel, ...answer });
    } catch (error) {
      if (!isCurrent()) return;
      if (error.status === 401 || error.status === 403) {
        this.#refuse(this.#channels.get(channel), "This channel is not open to you.");
      } else {
        this.#lose(undefined, undefined, error.retryAfter);
      }
    }
  }

  /** The connection is gone, or given up. Codes: Pusher Channels protocol, "Closing a connection". */
  #lose(code = 1006, reason = "", atLeastSeconds = 0) {
    this.#forget();
    this.#isAway = true;
    for (const channel of this.#channels.values()) {
      channel.subscribed = false;
      channel.listener?.lost();
    }
    if (code >= 4000 && code < 4100) {
      this.#onState({ name: "refused", reason: reason || `Closed with code ${code}.` });
      return;
    }
    if (this.#establishedAt && Date.now() - this.#establishedAt > 10_000) this.#attempts = 0;
    this.#establishedAt = 0;
    const isImmediate = code >= 4200 && code < 4300 && this.#attempts === 0;
    const longest = Math.min(longestDelay, firstDelay * 2 ** this.#attempts);
    const delay = Math.max(isImmediate ? 0 : longest * (0.5 + Math.random() / 2), 1000 * (atLeastSeconds ?? 0));
    this.#attempts += 1;
    this.#after("retry", delay, () => this.connect());
    this.#onState({ name: "waiting", until: Date.now() + delay });
  }

  #refuse(channel, reason) {
    this.#onState({ name: "refused", reason });
    channel?.listener?.lost();
  }

  /** Asks for a sign of life after a silence. */
  #watch() {
    this.#after("silence", this.#activityTimeout, () => {
      this.#send("pusher:ping", {});
      this.#after("silence", pongTimeout, () => this.#lose());
    });
  }

  #send(event, data) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ event, data }));
  }

  #after(name, milliseconds, act) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(() => {
      this.#timers[name] = null;
      act();
    }, milliseconds);
  }

  #forget() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#timers = {};
    const socket = this.#socket;
    this.#socket = null;
    this.#socketID = null;
    socket?.close();
  }
}

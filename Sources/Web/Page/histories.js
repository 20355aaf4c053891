// Follows what the dataset integrator tells of a history: live, without gaps, and by reading while nothing is pushed.
// Without dependencies, for any web client; the integrator's own page uses it too. See "Live updates" in the documents.

/** Milliseconds between two reads: while nothing is pushed; while changes are (one may be lost); before the first. */
const [often, seldom, first] = [10_000, 60_000, 1_500];
const isOver = (history) => ["completed", "failed", "canceled"].includes(history?.status_label);

/** Reads JSON with a token. Throws an error with `status` (0: no whole answer) and `retryAfter` (seconds, or null). */
export function jsonReader(token) {
  return async (url) => {
    const headers = { Accept: "application/json", Authorization: `Bearer ${token}` };
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(20_000) }).catch(() => null);
    const body = answer?.ok && await answer.json().catch(() => null);
    if (body) return body;
    const status = answer && !answer.ok ? answer.status : 0;
    const retryAfter = Math.min(Number(answer?.headers.get("Retry-After")), 3600) || null;
    throw Object.assign(new Error(`status ${status}`), { status, retryAfter });
  };
}

/**
 * Decides when to read: when something may have been missed, every 10 s while nothing is pushed, later after a failure.
 *
 * `read()` reads all that is shown, and answers whether it found news. `untold()` says why not all of it is pushed
 * ("none", "milestones"; null: it is). `isSettled()`: nothing more is to be expected soon. `onState(state)` hears of
 * `{ name, why, asOf, until, error }`: "connecting"; "live"; "reading" (`why`: "away", "late" or what `untold` says);
 * "limited" (429) and "unreachable" with `until`, when it tries again (in ms); "denied" (`error`; then only `now()`).
 */
export class Reader {
  #options; #timer; #turn = null; #failures = 0;
  #isWanted = false; #isDue = false; #isLive = false; #isLate = false; #hasEnded = false;

  constructor({ read, untold = () => null, isSettled = () => false, onState = () => {} }) {
    this.#options = { read, untold, isSettled, onState };
    onState({ name: "connecting" });
    this.#later(first);
  }

  /** Whether changes are pushed from now on. What came before is read at once. */
  setLive(isLive) {
    [this.#isLive, this.#isLate] = [isLive, false];
    this.now();
  }

  /** Something was pushed. */
  heard() { this.#isLate = false; }

  /** Reads now, or once more if it is at it. */
  now() {
    this.#isWanted = true;
    return (this.#turn ??= this.#read().finally(() => (this.#turn = null)));
  }

  end() { clearTimeout(this.#timer); this.#hasEnded = true; }

  async #read() {
    while (this.#isWanted && !this.#hasEnded) {
      const wasDue = this.#isDue;
      this.#isWanted = this.#isDue = false;
      clearTimeout(this.#timer);
      try {
        if (await this.#options.read() && wasDue && this.#isLive) this.#isLate = true;
        this.#failures = 0;
        this.#settle();
      } catch (error) {
        if (!("status" in error)) throw error;
        this.#fail(error);
      }
    }
  }

  #settle() {
    if (this.#hasEnded) return;
    const why = !this.#isLive ? "away" : this.#options.untold() ?? (this.#isLate ? "late" : null);
    this.#later(why && !this.#options.isSettled() ? often : seldom);
    this.#options.onState(why ? { name: "reading", why, asOf: Date.now() } : { name: "live" });
  }

  #fail(error) {
    if (this.#hasEnded) return;
    const isPassing = error.status === 0 || error.status === 429 || error.status >= 500;
    if (!isPassing) return this.#options.onState({ name: "denied", error });
    const pause = Math.max(1000 * (error.retryAfter ?? 0), Math.min(30_000, 3_000 * 2 ** this.#failures++));
    this.#later(pause);
    this.#options.onState({ name: error.status === 429 ? "limited" : "unreachable", until: Date.now() + pause });
  }

  #later(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => ((this.#isDue = true), this.now()), milliseconds);
  }
}

/**
 * Follows one history. `url` is its resource's; `get(url)` reads as `jsonReader` does; `known` is what is known of it.
 * `subscribe({ received(event, data), setLive(isLive) })` connects it to Pusher, and returns what ends that; without,
 * it only reads. `onChange({ history, events, hasMore })` gets the events newest first. `more()` reads earlier ones.
 */
export function followHistory({ url, get, known = null, subscribe, onChange, onState }) {
  let [history, events, newest, older] = [known, [], null, null];
  const changed = () => onChange({ history, events, hasMore: older !== null });
  const take = (data) => {
    const result = data.result ?? (data.status === history?.status ? history.result : null);
    // What is pushed is newer than an answer under way, but not all: the answer still tells the rest.
    history = history?.revision > data.revision ? { ...data, ...history } : { ...history, ...data, result };
  };
  const lacksResult = () => history.status_label === "completed" && !history.result;

  async function read() {
    const before = newest;
    if (newest === null) {
      const page = await get(`${url}/events?before=&per_page=100`);
      [events, newest, older] = [page.data, page.meta.revision, page.meta.next_before];
    }
    if (before !== null || !isOver(history) || lacksResult() || history.revision < newest) take((await get(url)).data);
    for (let after = newest; after !== null && history.revision > newest;) {
      const page = await get(`${url}/events?after=${after}&per_page=500`);
      events = [...page.data.filter((event) => event.revision > newest).reverse(), ...events];
      after = page.meta.next_after;
      newest = Math.max(newest, after ?? page.meta.revision);
    }
    changed();
    return before !== null && newest > before;
  }

  function received(event, data) {
    if (event.startsWith("client-") || (history ? data.id !== history.id : !url.endsWith(`/${data.id}`))) return;
    reader.heard();
    if (newest !== null && data.revision <= newest) return;
    const isNext = data.revision === newest + 1 && event !== "training.updated";
    take(data);
    if (isNext) [events, newest] = [[{ ...data, type: event, created_at: data.updated_at }, ...events], data.revision];
    if (!isNext || lacksResult()) reader.now();
    if (newest !== null) changed();
  }

  async function more() {
    const before = older;
    const page = before && await get(`${url}/events?before=${before}&per_page=500`);
    if (!page || before !== older) return;
    [events, older] = [[...events, ...page.data], page.meta.next_before];
    changed();
  }

  const untold = () => (history && history.notifications !== "all" ? history.notifications : null);
  const reader = new Reader({ read, untold, onState, isSettled: () => isOver(history) });
  const unsubscribe = subscribe?.({ received, setLive: (isLive) => reader.setLive(isLive) });
  if (!subscribe) reader.setLive(false);
  return { more, now: () => reader.now(), end: () => (reader.end(), unsubscribe?.()) };
}

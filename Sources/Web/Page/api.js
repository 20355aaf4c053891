// The service's HTTP API, as a web client uses it.

/** An answer that is an error; `status` is 0 if there was no answer. */
export class APIError extends Error {
  constructor(status, body, retryAfter = null) {
    super(body.message || `The service answered with status ${status}.`);
    Object.assign(this, { status, code: body.code, errors: body.errors, data: body.data, retryAfter });
  }
}

/** How long an answer may take, in milliseconds: what only reads is asked again. */
const [readTimeout, writeTimeout] = [20_000, 90_000];
/** The longest `Retry-After` that is heeded, in seconds. A timer of more than 24 days would fire at once. */
const longestPause = 3600;
/** By how many milliseconds the clock here is ahead of the service's. Within five seconds it may be the network. */
let ahead = 0;

/** The service's time, in milliseconds: how long something takes is told by it, however wrong the clock here is. */
export const serviceTime = () => Date.now() - ahead;

/** Sends a request and reads the JSON that is answered. Throws `APIError`: one of status 0 without a whole answer. */
export async function exchange(method, url, headers, body) {
  headers = { Accept: "application/json", ...headers };
  if (body) headers["Content-Type"] = "application/json";
  let response, answer;
  try {
    const signal = AbortSignal.timeout(method === "GET" ? readTimeout : writeTimeout);
    response = await fetch(url, { method, headers, signal, body: body && JSON.stringify(body) });
    // An error may come from a proxy, without JSON; what is not an error must be a whole object.
    const text = await response.text();
    answer = response.ok ? JSON.parse(text || "{}") : objectIn(text);
    if (Object(answer) !== answer) throw new TypeError("no object");
  } catch {
    throw new APIError(0, { message: "The service cannot be reached." });
  }
  const difference = Date.now() - Date.parse(response.headers.get("Date"));
  ahead = Math.abs(difference) > 5_000 ? difference : 0;
  if (response.ok) return answer;
  const retryAfter = Math.min(Number(response.headers.get("Retry-After")), longestPause) || null;
  throw new APIError(response.status, answer, retryAfter);
}

function objectIn(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

const nothing = "There is nothing here, or it is not open to you.";

export class API {
  #base = new URL("api/v1/wishlist-to-group", document.baseURI).href;
  #token;
  #onUnauthenticated;

  constructor(token, onUnauthenticated) {
    this.#token = token;
    this.#onUnauthenticated = onUnauthenticated;
  }

  wishlists(query) {
    return this.get(this.#url("", query));
  }

  /** The wishlist of this slug. */
  async wishlist(slug) {
    const wishlist = (await this.wishlists({ slug })).data[0];
    if (!wishlist) throw new APIError(404, { message: nothing });
    return wishlist;
  }

  histories(slug, query) {
    return this.get(this.#url(`/${encodeURIComponent(slug)}/histories`, query));
  }

  historyURL(slug, id) {
    return this.#url(`/${encodeURIComponent(slug)}/histories/${encodeURIComponent(id)}`);
  }

  create(slug, body, key, socketID) {
    const headers = { "Idempotency-Key": key, ...(socketID && { "X-Socket-ID": socketID }) };
    return this.#request("POST", this.#url(`/${encodeURIComponent(slug)}/createAnalysis`), body, headers);
  }

  setTraining(slug, body) {
    return this.#request("PATCH", this.#url(`/${encodeURIComponent(slug)}/update-training-status`), body);
  }

  authorize(socketID, channel) {
    const url = new URL("broadcasting/auth", document.baseURI).href;
    return this.#request("POST", url, { socket_id: socketID, channel_name: channel });
  }

  get = (url) => this.#request("GET", url);

  #url(path, query = {}) {
    const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value != null));
    return `${this.#base}${path}${parameters.size ? `?${parameters}` : ""}`;
  }

  async #request(method, url, body, headers = {}) {
    try {
      return await exchange(method, url, { Authorization: `Bearer ${this.#token}`, ...headers }, body);
    } catch (error) {
      const { status, retryAfter } = error;
      if (status === 401) this.#onUnauthenticated();
      if (status === 404) error.message = nothing;
      if (status === 429 && retryAfter) error.message = `Too many requests. Wait ${retryAfter} seconds.`;
      throw error;
    }
  }
}

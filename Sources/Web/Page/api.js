// The service's HTTP API, as a web client uses it.

/** An answer that is an error; `status` is 0 if there was no answer. */
export class APIError extends Error {
  constructor(status, body, retryAfter = null) {
    super(body.message || `The service answered with status ${status}.`);
    Object.assign(this, { status, code: body.code, errors: body.errors, data: body.data, retryAfter });
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
    headers = { Accept: "application/json", Authorization: `Bearer ${this.#token}`, ...headers };
    if (body) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    } catch {
      throw new APIError(0, { message: "The service cannot be reached." });
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    if (response.status === 401) this.#onUnauthenticated();
    if (response.status === 404) answer.message = nothing;
    const retryAfter = Number(response.headers.get("Retry-After")) || null;
    if (response.status === 429 && retryAfter) answer.message = `Too many requests. Wait ${retryAfter} seconds.`;
    throw new APIError(response.status, answer, retryAfter);
  }
}

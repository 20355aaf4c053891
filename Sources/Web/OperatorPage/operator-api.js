// The operator's API: the same answers as the command line's `--json`.

import { APIError } from "./api.js";

export class OperatorAPI {
  #base = new URL("operator/api/", document.baseURI).href;
  #token;
  #onUnauthenticated;

  constructor(token, onUnauthenticated) {
    this.#token = token;
    this.#onUnauthenticated = onUnauthenticated;
  }

  get(path, query = {}) {
    const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value != null));
    return this.#request("GET", `${path}${parameters.size ? `?${parameters}` : ""}`);
  }

  post(path, body = {}) {
    return this.#request("POST", path, body);
  }

  async #request(method, path, body) {
    const headers = { Accept: "application/json", Authorization: `Bearer ${this.#token}` };
    if (body) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(this.#base + path, { method, headers, body: body && JSON.stringify(body) });
    } catch {
      throw new APIError(0, { message: "The service cannot be reached." });
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    if (response.status === 401) this.#onUnauthenticated();
    const retryAfter = Number(response.headers.get("Retry-After")) || null;
    throw new APIError(response.status, answer, retryAfter);
  }
}

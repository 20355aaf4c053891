// The operator's API: the same answers as the command line's `--json`.

import { exchange } from "./api.js";

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
    try {
      return await exchange(method, this.#base + path, { Authorization: `Bearer ${this.#token}` }, body);
    } catch (error) {
      if (error.status === 401) this.#onUnauthenticated();
      throw error;
    }
  }
}

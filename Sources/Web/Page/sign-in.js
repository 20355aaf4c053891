// Signing in with an access token.

import { decoded, element, problem } from "./elements.js";

/** `start(token)` throws if the token is not accepted. A token in the address (`#token=`) only fills the field. */
export function signIn(start, reason) {
  const given = /^#token=(.+)/.exec(location.hash)?.[1];
  if (given) history.replaceState(null, "", location.pathname);
  const failure = element("div");
  if (reason) failure.append(problem({ message: reason }));
  const button = element("button", { class: "primary" }, "Sign in");
  const field = element("input", {
    id: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false",
    value: given && decoded(given), "aria-describedby": "token-help",
  });
  const submit = async (event) => {
    event.preventDefault();
    failure.replaceChildren();
    button.disabled = true;
    try {
      await start(field.value.trim());
    } catch (error) {
      const message = error.status === 401 ? "This token is not valid." : error.message;
      failure.replaceChildren(problem({ message }));
      button.disabled = false;
      field.focus();
    }
  };
  return [
    element("form", { class: "card sign-in", onsubmit: submit },
      element("h1", {}, "Sign in"),
      element("p", {}, "Watch the datasets of your wishlists as they are made."),
      element("label", { for: "token" }, "Access token"),
      field,
      element("p", { id: "token-help", class: "faint" },
        "It stays in this tab and is forgotten when you close it. An operator makes one with ",
        element("code", {}, "integrator token create"), "."),
      failure,
      button),
  ];
}

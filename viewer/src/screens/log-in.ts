import { element, setText } from "../dom/element.js";
import { type ServiceClient, ServiceError } from "../service/http.js";
import { logIn, type Session } from "../service/session.js";

/** Asks for a token until the service accepts one. */
export function logInScreen(client: ServiceClient, onLogIn: (session: Session) => void): HTMLElement {
  const token = element("input", {
    id: "token",
    type: "password",
    name: "token",
    autocomplete: "current-password",
    required: true,
    spellcheck: "false",
    "aria-describedby": "token-help token-error",
  });
  const problem = element("p", { id: "token-error", class: "error-text", role: "alert" });
  const submit = element("button", { type: "submit", class: "primary" }, "Log in");
  const form = element(
    "form",
    { class: "card log-in" },
    element("h1", {}, "Log in"),
    element(
      "p",
      { id: "token-help", class: "note" },
      "This service asks for a token. Its operator gives you one.",
    ),
    element("label", { for: "token" }, "Token"),
    token,
    problem,
    submit,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit.disabled = true;
    logIn(client, token.value.trim())
      .then(onLogIn, (error: Error) => {
        const isRefused = error instanceof ServiceError && [401, 403].includes(error.status);
        setText(problem, isRefused ? "The service does not know this token." : error.message);
        token.setAttribute("aria-invalid", "true");
        token.select();
        token.focus();
      })
      .finally(() => {
        submit.disabled = false;
      });
  });
  queueMicrotask(() => token.focus());
  return element("main", { class: "centred", id: "main" }, form);
}

import { button, element } from "./dom/element.js";
import { logInScreen } from "./screens/log-in.js";
import { Workspace } from "./screens/workspace.js";
import { ServiceClient, ServiceError } from "./service/http.js";
import { currentSession, isLoggedIn, type Session } from "./service/session.js";

const client = new ServiceClient();
const root = document.getElementById("app")!;

async function start(): Promise<void> {
  try {
    const session = await currentSession(client);
    if (isLoggedIn(session)) work(session);
    else askForToken();
  } catch (error) {
    showProblem(error as Error);
  }
}

function work(session: Session): void {
  const workspace = new Workspace(client, session, () => {
    workspace.close();
    client.csrf = null;
    askForToken();
  });
  root.replaceChildren(workspace.element);
}

function askForToken(): void {
  root.replaceChildren(logInScreen(client, work));
}

function showProblem(error: Error): void {
  const remedy = error instanceof ServiceError ? ` ${error.remedy}` : "";
  root.replaceChildren(
    element(
      "main",
      { class: "centred", id: "main" },
      element(
        "div",
        { class: "card log-in", role: "alert" },
        element("h1", {}, "The page cannot start"),
        element("p", {}, `${error.message}${remedy}`),
        button("Try again", () => void start(), { class: "primary" }),
      ),
    ),
  );
}

await start();

import type { ServiceClient } from "./http.js";

export interface Session {
  /** False if the service asks nobody for a token. */
  readonly needs_token: boolean;
  /** The name of the token; null before log-in. */
  readonly client: string | null;
  readonly scope: "read" | "infer" | "admin" | null;
  readonly csrf_token: string | null;
}

export const isLoggedIn = ({ needs_token, client }: Session): boolean => !needs_token || client !== null;

export const currentSession = async (client: ServiceClient): Promise<Session> =>
  remembered(client, await client.json<Session>("v1/session"));

/** Exchanges a token for a cookie, which scripts cannot read. */
export const logIn = async (client: ServiceClient, token: string): Promise<Session> =>
  remembered(client, await client.postJson<Session>("v1/session", { token }));

export async function logOut(client: ServiceClient): Promise<void> {
  await client.send("v1/session", { method: "DELETE" });
  client.csrf = null;
}

function remembered(client: ServiceClient, session: Session): Session {
  client.csrf = session.csrf_token;
  return session;
}

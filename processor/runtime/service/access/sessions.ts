import { randomBytes } from "node:crypto";
import type { Client } from "./tokens.js";

/** A login of the web page. */
export interface Session {
  readonly client: Client;
  /** The page repeats it in the header `x-csrf-token` of every request that changes something. */
  readonly csrfToken: string;
  readonly endsMs: number;
}

export const sessionCookie = "nnunet_session";

const lastsMs = 12 * 3_600_000;
const mostSessions = 1000;

/** The logins of web pages, in memory only. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();

  /** Returns the value of the cookie. */
  start(client: Client, nowMs: number): { readonly id: string; readonly session: Session } {
    if (this.#sessions.size >= mostSessions) this.#sessions.delete(this.#sessions.keys().next().value!);
    const id = randomBytes(32).toString("base64url");
    const session = { client, csrfToken: randomBytes(32).toString("base64url"), endsMs: nowMs + lastsMs };
    this.#sessions.set(id, session);
    return { id, session };
  }

  find(id: string, nowMs: number): Session | null {
    const found = this.#sessions.get(id);
    if (found === undefined) return null;
    if (found.endsMs > nowMs) return found;
    this.#sessions.delete(id);
    return null;
  }

  end(id: string): void {
    this.#sessions.delete(id);
  }
}

/** Returns the value of a cookie in a Cookie header (RFC 6265); null if it is not there. */
export function cookieOf(header: string | undefined, name: string): string | null {
  for (const pair of (header ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name && value !== undefined) return value;
  }
  return null;
}

/** Returns a Set-Cookie header that scripts cannot read and other sites cannot send. */
export const setCookie = (value: string, isSecure: boolean): string =>
  `${sessionCookie}=${value}; HttpOnly; SameSite=Strict; Path=/${isSecure ? "; Secure" : ""}${value === "" ? "; Max-Age=0" : `; Max-Age=${lastsMs / 1000}`}`;

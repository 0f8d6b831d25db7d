import { timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import { serviceError } from "../errors.js";
import { cookieOf, type Sessions, sessionCookie } from "./sessions.js";
import { type Client, mayDo, type Scope, type Tokens } from "./tokens.js";

export interface AccessRules {
  /** Null if everybody may do everything. */
  readonly tokens: Tokens | null;
  readonly sessions: Sessions;
  /** The origins of other web pages that may use the server. */
  readonly corsOrigins: readonly string[];
  /** True if the server is for this machine alone, so that requests must name it as such. */
  readonly isLoopback: boolean;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who sent the request. Routes without a scope have the anonymous client. */
    client: Client;
  }
  interface FastifyContextConfig {
    /** What a client must be allowed to do; everybody may use a route without it. */
    scope?: Scope;
  }
}

export const anonymous: Client = { name: "anonymous", scope: "read" };
const everybody: Client = { name: "everybody", scope: "admin" };

/** The methods that change nothing. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Finds who sent a request, and checks that they may do it.
 *
 * @throws TOKEN_MISSING, ACCESS_DENIED, CROSS_SITE
 */
export function authenticate(request: FastifyRequest, rules: AccessRules): void {
  refuseOtherSites(request, rules);
  const needed = request.routeOptions.config.scope;
  if (needed === undefined) return;
  const client = clientOf(request, rules);
  if (client === null)
    throw serviceError(
      "TOKEN_MISSING",
      "the request has no token, or a token that this server does not know",
    );
  if (!mayDo(client, needed))
    throw serviceError(
      "ACCESS_DENIED",
      `${client.name} has the scope ${client.scope}, but this needs ${needed}`,
    );
  request.client = client;
}

/** @throws ACCESS_DENIED for a session without its CSRF token */
export function clientOf(request: FastifyRequest, { tokens, sessions }: AccessRules): Client | null {
  if (tokens === null) return everybody;
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    return token === undefined ? null : tokens.find(token);
  }
  const id = cookieOf(request.headers.cookie, sessionCookie);
  const session = id === null ? null : sessions.find(id, Date.now());
  if (session === null) return null;
  if (
    !safeMethods.has(request.method) &&
    !isSame(String(request.headers["x-csrf-token"] ?? ""), session.csrfToken)
  )
    throw serviceError("CROSS_SITE", "the header x-csrf-token does not have the value of the session");
  return session.client;
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Browsers name the page that sends a request in the header Origin; other programs do not send it. */
function refuseOtherSites(request: FastifyRequest, { corsOrigins, isLoopback }: AccessRules): void {
  const host = request.headers.host ?? "";
  // After DNS rebinding, a page of another site reaches this machine, but sends its own name as the host.
  if (isLoopback && !isNameOfThisMachine(host))
    throw serviceError(
      "CROSS_SITE",
      `this server is for this machine alone, not for ${JSON.stringify(host.slice(0, 100))}`,
    );
  const { origin } = request.headers;
  if (origin === undefined || safeMethods.has(request.method) || corsOrigins.includes(origin)) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw serviceError(
    "CROSS_SITE",
    `a page of ${JSON.stringify(origin.slice(0, 100))} may not use this server`,
  );
}

function isNameOfThisMachine(host: string): boolean {
  const name = host
    .replace(/:\d+$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .toLowerCase();
  return name === "localhost" || name.endsWith(".localhost") || isIP(name) !== 0;
}

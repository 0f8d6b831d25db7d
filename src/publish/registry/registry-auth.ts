import got from "got";
import { ProcessorError } from "../../../processor/errors.js";
import type { Credentials } from "./docker-credentials.js";

/** What a 401 asks for. */
export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly parameters: Readonly<Record<string, string>>;
}

/** Reads a `WWW-Authenticate` header; null when its scheme is neither Basic nor Bearer. */
export function parseChallenge(header: string | undefined): Challenge | null {
  const [, scheme = "", rest = ""] = /^\s*(basic|bearer)\b\s*(.*)$/i.exec(header ?? "") ?? [];
  if (scheme === "") return null;
  const pairs = [...rest.matchAll(/([a-z]+)=(?:"([^"]*)"|([^\s,]+))/gi)];
  return {
    scheme: scheme.toLowerCase() as Challenge["scheme"],
    parameters: Object.fromEntries(
      pairs.map(([, key = "", quoted, bare]) => [key.toLowerCase(), quoted ?? bare ?? ""]),
    ),
  };
}

/** Authorities trusted instead of Node's own, which are then among them. */
export interface HttpsTrust {
  readonly certificateAuthority?: string[];
}

export interface AuthorizeOptions {
  readonly challenge: Challenge;
  readonly credentials: Credentials | null;
  /** What will be done: `repository:team/liver:pull,push`, …. */
  readonly scopes: readonly string[];
  /** For messages. */
  readonly registry: string;
  /** True when the registry itself is spoken to without TLS: only then may its token server be. */
  readonly isPlainHttp: boolean;
  readonly https: HttpsTrust;
  readonly signal?: AbortSignal;
}

/**
 * The `Authorization` header that answers a challenge; a bearer token is fetched from the server it names.
 *
 * @throws REGISTRY_DENIED
 */
export async function authorize(options: AuthorizeOptions): Promise<string> {
  const { challenge, credentials, registry } = options;
  if (challenge.scheme === "bearer") return `Bearer ${await fetchToken(options)}`;
  if (credentials?.kind !== "password")
    throw new ProcessorError("REGISTRY_DENIED", `${registry} asks for a name and a password; none are known`);
  return basic(credentials.user, credentials.password);
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

async function fetchToken(options: AuthorizeOptions): Promise<string> {
  const { challenge, credentials, scopes, registry, isPlainHttp, https, signal } = options;
  const { realm = "", service } = challenge.parameters;
  const url = URL.canParse(realm) ? new URL(realm) : null;
  if (url === null || !(url.protocol === "https:" || (isPlainHttp && url.protocol === "http:")))
    throw new ProcessorError(
      "REGISTRY_DENIED",
      `${registry} names "${realm}" as its token server; not https`,
    );
  const isToken = credentials?.kind === "identity-token";
  const form = new URLSearchParams(service === undefined ? {} : { service });
  for (const scope of isToken ? [scopes.join(" ")] : scopes) form.append("scope", scope);
  if (isToken) {
    form.set("grant_type", "refresh_token");
    form.set("refresh_token", credentials.token);
    form.set("client_id", "nnunet-processor");
  } else for (const [key, value] of form) url.searchParams.append(key, value);
  const answer = await got(url, {
    method: isToken ? "POST" : "GET",
    ...(isToken && {
      body: form.toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    }),
    ...(credentials?.kind === "password" && {
      headers: { authorization: basic(credentials.user, credentials.password) },
    }),
    https,
    throwHttpErrors: false,
    followRedirect: false,
    timeout: { request: 30_000 },
    retry: { limit: 3, methods: ["GET", "POST"] },
    ...(signal && { signal }),
  });
  const token = answer.statusCode === 200 ? tokenOf(answer.body) : null;
  if (token === null)
    throw new ProcessorError(
      "REGISTRY_DENIED",
      `${url.host} gives no token for ${registry} (${answer.statusCode})`,
    );
  return token;
}

function tokenOf(body: string): string | null {
  try {
    const { token, access_token } = JSON.parse(body) as {
      readonly token?: string;
      readonly access_token?: string;
    };
    return token ?? access_token ?? null;
  } catch {
    return null;
  }
}

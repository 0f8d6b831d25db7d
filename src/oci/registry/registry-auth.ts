import { PassingFailure } from "../../download/retry.js";
import { builderError } from "../../errors/builder-errors.js";
import type { Credentials } from "./docker-credentials.js";
import { tokenAnswerShape } from "./registry-documents.js";
import { exchange, type HttpsTrust, type RegistryAnswer, type RegistryRequest } from "./registry-http.js";

/** What a 401 asks for. */
export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly parameters: Readonly<Record<string, string>>;
}

/** Reads a `WWW-Authenticate` header; null when its scheme is neither Basic nor Bearer. */
export function parseChallenge(header: string | undefined): Challenge | null {
  const [, scheme = "", rest = ""] = /^\s*(basic|bearer)\b(.*)$/is.exec(header ?? "") ?? [];
  if (scheme === "") return null;
  // A word without a value is a match too, so that the search does not begin again at each of its letters.
  const words = [...rest.matchAll(/([a-z]+)(?:=(?:"([^"]*)"|([^\s,]+)))?/gi)];
  const pairs = words.filter(([, , quoted, bare]) => (quoted ?? bare) !== undefined);
  return {
    scheme: scheme.toLowerCase() as Challenge["scheme"],
    parameters: Object.fromEntries(
      pairs.map(([, key = "", quoted, bare]) => [key.toLowerCase(), quoted ?? bare ?? ""]),
    ),
  };
}

export interface AuthorizeOptions {
  readonly challenge: Challenge;
  readonly credentials: Credentials | null;
  /** What will be done: `repository:team/liver:pull,push`, …. */
  readonly scopes: readonly string[];
  /** For messages. */
  readonly registry: string;
  /** True for a host that may be contacted without TLS, because it is this machine or the user named it. */
  readonly isPlainHttp: (host: string) => boolean;
  readonly note: (line: string) => void;
  readonly https: HttpsTrust;
  readonly signal: AbortSignal | null;
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
    throw builderError("REGISTRY_DENIED", `${registry} asks for a name and a password; none are known`);
  return basic(credentials.user, credentials.password);
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

const maxTokenAnswerBytes = 1 << 20;

async function fetchToken(options: AuthorizeOptions): Promise<string> {
  const { registry, https, signal } = options;
  const url = tokenServer(options);
  const answer = await exchange(url, tokenRequest(url, options), {
    https,
    maxAnswerBytes: maxTokenAnswerBytes,
    signal,
  });
  const token = answer.status === 200 ? tokenOf(answer) : null;
  if (token !== null) return token;
  const what = `${url.host} refuses a token for ${registry} (${answer.status})`;
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) throw new PassingFailure(what);
  throw builderError("REGISTRY_DENIED", what);
}

/** The token server that a registry names. As with Docker, it also gets the name and password. */
function tokenServer({ challenge, credentials, registry, isPlainHttp, note }: AuthorizeOptions): URL {
  const { realm = "" } = challenge.parameters;
  const url = URL.canParse(realm) ? new URL(realm) : null;
  if (url === null || !(url.protocol === "https:" || (url.protocol === "http:" && isPlainHttp(url.host))))
    throw builderError(
      "REGISTRY_DENIED",
      `${registry} names "${realm}" as its token server, which must be an https address`,
    );
  if (credentials !== null && url.host !== registry)
    note(`signing in to ${registry} at its token server ${url.host}`);
  return url;
}

function tokenRequest(url: URL, { challenge, credentials, scopes }: AuthorizeOptions): RegistryRequest {
  const { service } = challenge.parameters;
  const isToken = credentials?.kind === "identity-token";
  const form = new URLSearchParams(service === undefined ? {} : { service });
  for (const scope of isToken ? [scopes.join(" ")] : scopes) form.append("scope", scope);
  if (isToken) {
    form.set("grant_type", "refresh_token");
    form.set("refresh_token", credentials.token);
    form.set("client_id", "nnunet-processor");
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", headers, body: Buffer.from(form.toString()) };
  }
  for (const [key, value] of form) url.searchParams.append(key, value);
  return {
    method: "GET",
    ...(credentials !== null && {
      headers: { authorization: basic(credentials.user, credentials.password) },
    }),
  };
}

function tokenOf({ body }: RegistryAnswer): string | null {
  try {
    const json: unknown = JSON.parse(body.toString("utf8"));
    return tokenAnswerShape.fits(json) ? (json.token ?? json.access_token ?? null) : null;
  } catch {
    return null;
  }
}

import { parseOrNull } from "../../../processor/contract/parse-checked.js";
import { PassingFailure } from "../../download/retry.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Credentials } from "./docker-credentials.js";
import { tokenAnswerShape } from "./registry-documents.js";
import { exchange, type HttpsTrust, type RegistryAnswer, type RegistryRequest } from "./registry-http.js";

/** The authentication that a 401 requires. */
export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly parameters: Readonly<Record<string, string>>;
}

/** Parses a `WWW-Authenticate` header; null if its scheme is neither Basic nor Bearer. */
export function parseChallenge(header: string | undefined): Challenge | null {
  const [, scheme = "", rest = ""] = /^\s*(basic|bearer)\b(.*)$/is.exec(header ?? "") ?? [];
  if (scheme === "") return null;
  // The pattern also matches a word without a value, because the search would otherwise restart at each of
  // its letters.
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
  /** The requested rights, such as `repository:team/liver:pull,push`. */
  readonly scopes: readonly string[];
  /** Name of the registry, for messages. */
  readonly registry: string;
  /** True for a host that may be contacted without TLS, because it is this machine or the user named it. */
  readonly isPlainHttp: (host: string) => boolean;
  readonly note: (line: string) => void;
  readonly https: HttpsTrust;
  readonly signal: AbortSignal;
}

/**
 * Returns the `Authorization` header for a challenge. Fetches a bearer token from the token server that the
 * challenge names.
 *
 * @throws REGISTRY_DENIED
 */
export async function authorize(options: AuthorizeOptions): Promise<string> {
  const { challenge, credentials, registry } = options;
  if (challenge.scheme === "bearer") return `Bearer ${await fetchToken(options)}`;
  if (credentials?.kind !== "password")
    throw builderError("REGISTRY_DENIED", `${registry} requires a name and a password, but none are known`);
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
  const what = `${url.host} refused a token for ${registry} (${answer.status})`;
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) throw new PassingFailure(what);
  throw builderError("REGISTRY_DENIED", what);
}

/** Returns the token server that a registry names. As with Docker, it also receives the name and password. */
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
  const answer = parseOrNull(body.toString("utf8"), tokenAnswerShape);
  return answer?.token ?? answer?.access_token ?? null;
}

import { rootCertificates } from "node:tls";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { parseOrNull } from "../../../processor/contract/parse-checked.js";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { PassingFailure, parseRetryAfter, type RetryPolicy, withRetries } from "../../download/retry.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Credentials } from "./docker-credentials.js";
import { type ImageReference, registryAddress } from "./image-reference.js";
import { authorize, type Challenge, parseChallenge } from "./registry-auth.js";
import { registryErrorsShape } from "./registry-documents.js";
import {
  ConnectionRefused,
  exchange,
  type HttpsTrust,
  openBytes,
  type RegistryAnswer,
  type RegistryRequest,
} from "./registry-http.js";

export interface RegistryClientOptions {
  readonly progress: Progress;
  readonly credentials: Credentials | null;
  readonly retry: RetryPolicy;
  /** Registries that may be contacted without TLS, in addition to those on this machine. */
  readonly plainHttp?: readonly string[];
  /** Other repositories that are read, because blobs are mounted from them. */
  readonly alsoReads?: readonly string[];
  readonly mayWrite: boolean;
  /** PEM of an authority that is trusted in addition to the usual ones. */
  readonly certificateAuthority?: string | null;
  readonly signal: AbortSignal;
}

const maxAnswerBytes = 16 << 20;

/** A client for one repository of a registry, by the OCI distribution specification. */
export class RegistryClient {
  readonly registry: string;
  readonly repository: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly #api: URL;
  readonly #options: RegistryClientOptions;
  readonly #https: HttpsTrust;
  #authorization: string | null = null;
  #renewal: Promise<string> | null = null;
  #hasAnswered = false;
  /**
   * Retries that were noted since the registry last answered, because parallel requests fail for the same
   * reason.
   */
  readonly #noted = new Set<string>();

  constructor(
    { registry, repository }: Pick<ImageReference, "registry" | "repository">,
    options: RegistryClientOptions,
  ) {
    this.registry = registry;
    this.repository = repository;
    this.progress = options.progress;
    this.signal = options.signal;
    this.#api = registryAddress(registry, options);
    this.#options = options;
    this.#https = trusting(options.certificateAuthority ?? null);
  }

  /** Returns an address in the repository, such as `blobs/sha256:…` or `manifests/1`. */
  url(path: string): URL {
    return new URL(`${this.repository}/${path}`, this.#api);
  }

  /** Returns the address that the registry named. Refuses an address without TLS if the registry uses TLS. */
  locationOf(answer: RegistryAnswer): URL {
    const { location } = answer.headers;
    const url = location === undefined ? null : new URL(location, this.#api);
    if (url === null || (url.protocol !== "https:" && url.protocol !== this.#api.protocol))
      throw builderError("REGISTRY_FAILED", `${this.registry} names no usable place to upload to`);
    return url;
  }

  /**
   * Sends one request. Renews the authorization once if the registry asks for it.
   *
   * @throws PassingFailure for network faults, 408, 429 and 5xx; REGISTRY_DENIED for 401 and 403;
   * REGISTRY_FAILED immediately if nothing listens and the registry has not answered before
   */
  async send(url: URL, request: RegistryRequest): Promise<RegistryAnswer> {
    const used = this.#authorization;
    const answer = await this.#once(url, request);
    // Only the registry itself may ask for credentials, not a host that it redirects to.
    if (answer.status !== 401 || !this.#isOwn(answer.url)) return this.#sorted(answer, request);
    const challenge = parseChallenge(answer.headers["www-authenticate"]);
    if (challenge === null || !(await this.#renew(used, challenge))) return this.#sorted(answer, request);
    return this.#sorted(await this.#once(url, request), request);
  }

  /**
   * Replaces a rejected authorization, once for all pending requests; returns false if there is no new one.
   */
  async #renew(used: string | null, challenge: Challenge): Promise<boolean> {
    if (this.#authorization !== used) return true;
    this.#renewal ??= authorize({
      challenge,
      credentials: this.#options.credentials,
      scopes: this.#scopes(),
      registry: this.registry,
      isPlainHttp: (host) => registryAddress(host, this.#options).protocol === "http:",
      note: (line) => this.progress.note(line),
      https: this.#https,
      signal: this.signal,
    }).finally(() => {
      this.#renewal = null;
    });
    this.#authorization = await this.#renewal;
    return this.#authorization !== used;
  }

  retrying<T>(label: string, attempt: () => Promise<T>): Promise<T> {
    return withRetries(attempt, {
      label,
      policy: this.#options.retry,
      note: (line, failure) => {
        if (this.#noted.has(failure)) return;
        this.#noted.add(failure);
        this.progress.note(line);
      },
      signal: this.signal,
    }).catch((error: unknown) => {
      this.signal.throwIfAborted();
      if (!(error instanceof ProcessorError) || error.code !== "DOWNLOAD_FAILED") throw error;
      throw builderError("REGISTRY_FAILED", error.message, { cause: error });
    });
  }

  /** Reads the bytes of a blob. Follows redirects to the registry's storage without its authorization. */
  async open(url: URL): Promise<AsyncIterable<Uint8Array>> {
    const { status } = await this.send(url, { method: "HEAD" }); // settles the authorization as well
    if (status !== 200) throw builderError("REGISTRY_FAILED", `${url.href} answers ${status}`);
    return openBytes(url, this.#headers({}, url), { https: this.#https, signal: this.signal });
  }

  /**
   * Checks that the registry answers and accepts the credentials, before the work whose result is pushed to
   * it.
   *
   * @throws REGISTRY_DENIED, REGISTRY_FAILED
   */
  async check(): Promise<void> {
    const { status } = await this.retrying(this.registry, () => this.send(this.#api, { method: "GET" }));
    if (status === 200) return;
    throw builderError("REGISTRY_FAILED", `${this.#api.href} answers ${status}, but a registry answers 200`);
  }

  async #once(url: URL, request: RegistryRequest): Promise<RegistryAnswer> {
    const headers = this.#headers(request.headers ?? {}, url);
    try {
      const answer = await exchange(
        url,
        { ...request, headers },
        { https: this.#https, maxAnswerBytes, signal: this.signal },
      );
      this.#hasAnswered = true;
      if (answer.status < 500) this.#noted.clear();
      return answer;
    } catch (error) {
      // A registry that has answered before may be restarting.
      if (!(error instanceof ConnectionRefused) || this.#hasAnswered) throw error;
      throw builderError("REGISTRY_FAILED", error.message, { cause: error });
    }
  }

  #isOwn(url: URL): boolean {
    return url.origin === this.#api.origin;
  }

  /** The token is for the registry only, not for a storage host that it names. */
  #headers(headers: Readonly<Record<string, string>>, url: URL): Record<string, string> {
    return {
      "user-agent": "nnunet-processor",
      ...headers,
      ...(this.#isOwn(url) && this.#authorization !== null && { authorization: this.#authorization }),
    };
  }

  #scopes(): string[] {
    const { mayWrite, alsoReads = [] } = this.#options;
    return [
      `repository:${this.repository}:${mayWrite ? "pull,push" : "pull"}`,
      ...alsoReads.map((repository) => `repository:${repository}:pull`),
    ];
  }

  #sorted(answer: RegistryAnswer, { method }: RegistryRequest): RegistryAnswer {
    const { status } = answer;
    const what = `${this.registry}/${this.repository} answers ${method} with ${status}${reasonOf(answer)}`;
    if ((status === 401 || status === 403) && !this.#isOwn(answer.url))
      throw builderError(
        "REGISTRY_FAILED",
        `${this.registry} redirects to ${answer.url.host}, which answers ${method} with ${status}; credentials are sent only to ${this.registry}`,
      );
    if (status === 401 || status === 403) throw builderError("REGISTRY_DENIED", what);
    if (status === 408 || status === 429 || status >= 500)
      throw new PassingFailure(what, {
        retryAfterMs: parseRetryAfter(answer.headers["retry-after"], Date.now()),
      });
    return answer;
  }
}

/** Trusts Node's own authorities and one more. */
const trusting = (pem: string | null): HttpsTrust =>
  pem === null ? {} : { certificateAuthority: [...rootCertificates, pem] };

/** Returns the registry's own description of the error. */
export function reasonOf({ body }: RegistryAnswer): string {
  const errors = parseOrNull(body.toString("utf8"), registryErrorsShape)?.errors ?? [];
  const words = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": "));
  return words.length === 0 ? "" : `: ${words.join("; ")}`;
}

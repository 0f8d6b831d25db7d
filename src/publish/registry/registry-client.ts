import { rootCertificates } from "node:tls";
import got, { RequestError, type Response } from "got";
import { ProcessorError } from "../../../processor/errors.js";
import type { Progress } from "../../../processor/progress/progress.js";
import { PassingFailure, parseRetryAfter, type RetryPolicy, withRetries } from "../../download/retry.js";
import type { Credentials } from "./docker-credentials.js";
import { type ImageReference, registryAddress } from "./image-reference.js";
import { authorize, type Challenge, type HttpsTrust, parseChallenge } from "./registry-auth.js";

export interface RegistryClientOptions {
  readonly progress: Progress;
  readonly credentials: Credentials | null;
  readonly retry: RetryPolicy;
  /** Registries that may be spoken to without TLS besides this machine's own. */
  readonly plainHttp?: readonly string[];
  /** Repositories read from besides the one worked on: sources of mounts. */
  readonly alsoReads?: readonly string[];
  readonly mayWrite: boolean;
  /** PEM of an authority that is trusted beside the usual ones. */
  readonly certificateAuthority?: string | null;
  readonly signal?: AbortSignal;
}

export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Response["headers"];
  readonly body: Buffer;
}

const maxAnswerBytes = 16 << 20;
const idleMs = 60_000;

/** One repository of a registry, spoken to as the OCI distribution specification says. */
export class RegistryClient {
  readonly registry: string;
  readonly repository: string;
  readonly progress: Progress;
  readonly signal: AbortSignal | null;
  readonly #api: URL;
  readonly #options: RegistryClientOptions;
  readonly #https: HttpsTrust;
  #authorization: string | null = null;
  #renewal: Promise<string> | null = null;

  constructor(
    { registry, repository }: Pick<ImageReference, "registry" | "repository">,
    options: RegistryClientOptions,
  ) {
    this.registry = registry;
    this.repository = repository;
    this.progress = options.progress;
    this.signal = options.signal ?? null;
    this.#api = registryAddress(registry, options);
    this.#options = options;
    this.#https = trusting(options.certificateAuthority ?? null);
  }

  /** An address below the repository: `blobs/sha256:…`, `manifests/1`. */
  url(path: string): URL {
    return new URL(`${this.repository}/${path}`, this.#api);
  }

  /** An address that the registry named; it must not lead away from TLS. */
  locationOf(answer: RegistryAnswer): URL {
    const { location } = answer.headers;
    const url = location === undefined ? null : new URL(location, this.#api);
    if (url === null || (url.protocol !== "https:" && url.protocol !== this.#api.protocol))
      throw new ProcessorError("REGISTRY_FAILED", `${this.registry} names no usable place to upload to`);
    return url;
  }

  /**
   * One request, with authorization renewed once when the registry asks.
   *
   * @throws PassingFailure for network faults, 408, 429 and 5xx; REGISTRY_DENIED for 401 and 403
   */
  async send(url: URL, request: RegistryRequest): Promise<RegistryAnswer> {
    const used = this.#authorization;
    const answer = await this.#once(url, request);
    if (answer.status !== 401) return this.#sorted(answer, request);
    const challenge = parseChallenge(answer.headers["www-authenticate"]);
    if (challenge === null || !(await this.#renew(used, challenge))) return this.#sorted(answer, request);
    return this.#sorted(await this.#once(url, request), request);
  }

  /** Replaces an authorization that was turned away, once for all requests underway; false when none is new. */
  async #renew(used: string | null, challenge: Challenge): Promise<boolean> {
    if (this.#authorization !== used) return true;
    this.#renewal ??= authorize({
      challenge,
      credentials: this.#options.credentials,
      scopes: this.#scopes(),
      registry: this.registry,
      isPlainHttp: this.#api.protocol === "http:",
      https: this.#https,
      ...(this.signal && { signal: this.signal }),
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
      note: (line) => this.progress.note(line),
      signal: this.signal,
    }).catch((error: unknown) => {
      this.signal?.throwIfAborted();
      if (!(error instanceof ProcessorError) || error.code !== "DOWNLOAD_FAILED") throw error;
      throw new ProcessorError("REGISTRY_FAILED", error.message, { cause: error });
    });
  }

  /** The bytes of a blob; redirects, to wherever the registry keeps them, are followed without its authorization. */
  async open(url: URL): Promise<AsyncIterable<Uint8Array>> {
    const { status } = await this.send(url, { method: "HEAD" }); // settles the authorization as well
    if (status !== 200) throw new ProcessorError("REGISTRY_FAILED", `${url.href} answers ${status}`);
    const stream = got.stream(url, {
      headers: this.#headers({}),
      https: this.#https,
      retry: { limit: 0 },
      decompress: false,
      timeout: { socket: idleMs },
      ...(this.signal && { signal: this.signal }),
    });
    return withPassingFailures(stream);
  }

  async #once(url: URL, { method, headers = {}, body }: RegistryRequest): Promise<RegistryAnswer> {
    try {
      const answer = await got(url, {
        method,
        headers: this.#headers(headers, url),
        https: this.#https,
        ...(body !== undefined && { body }),
        responseType: "buffer",
        throwHttpErrors: false,
        followRedirect: method === "GET" || method === "HEAD",
        decompress: false,
        retry: { limit: 0 },
        timeout: { lookup: idleMs, connect: idleMs, secureConnect: idleMs, socket: idleMs },
        ...(this.signal && { signal: this.signal }),
      });
      if (answer.rawBody.length > maxAnswerBytes)
        throw new ProcessorError("REGISTRY_FAILED", `${this.registry}: the answer is longer than 16 MiB`);
      return { status: answer.statusCode, headers: answer.headers, body: answer.rawBody };
    } catch (error) {
      this.signal?.throwIfAborted();
      if (error instanceof ProcessorError) throw error;
      if (error instanceof RequestError && error.cause instanceof ProcessorError) throw error.cause;
      if (error instanceof RequestError && error.code === "ENOTFOUND")
        throw new ProcessorError("REGISTRY_FAILED", `no such host as ${url.hostname}, or no network`, {
          cause: error,
        });
      throw new PassingFailure(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** The token is for the registry alone, not for a storage host that it names. */
  #headers(headers: Readonly<Record<string, string>>, url: URL = this.#api): Record<string, string> {
    const isOwn = url.host === this.#api.host;
    return {
      "user-agent": "nnunet-processor",
      ...headers,
      ...(isOwn && this.#authorization !== null && { authorization: this.#authorization }),
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
    if (status === 401 || status === 403) throw new ProcessorError("REGISTRY_DENIED", what);
    if (status === 408 || status === 429 || status >= 500)
      throw new PassingFailure(what, {
        retryAfterMs: parseRetryAfter(answer.headers["retry-after"], Date.now()),
      });
    return answer;
  }
}

/** Node's own authorities, and one more. */
const trusting = (pem: string | null): HttpsTrust =>
  pem === null ? {} : { certificateAuthority: [...rootCertificates, pem] };

async function* withPassingFailures(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (cause) {
    throw new PassingFailure(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** The registry's own words. */
export function reasonOf({ body }: RegistryAnswer): string {
  try {
    const { errors } = JSON.parse(body.toString("utf8")) as {
      readonly errors?: readonly { readonly code?: string; readonly message?: string }[];
    };
    const words = (errors ?? []).map(({ code, message }) => [code, message].filter(Boolean).join(": "));
    return words.length === 0 ? "" : `: ${words.join("; ")}`;
  } catch {
    return "";
  }
}

import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import got, { type Agents } from "got";
import { HttpsProxyAgent } from "https-proxy-agent";
import { getProxyForUrl } from "proxy-from-env";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { readBounded } from "./bounded-body.js";
import {
  defaultRetryPolicy,
  PassingFailure,
  parseRetryAfter,
  type RetryPolicy,
  withRetries,
} from "./retry.js";

export interface HttpClientOptions {
  readonly progress: Progress;
  /**
   * Origins that the user configured as mirrors, which may use plain http. Other origins may use it only on
   * this machine.
   */
  readonly mirrorOrigins?: readonly string[];
  readonly retry?: RetryPolicy;
  /** Time without data after which a connection is closed and retried. */
  readonly idleTimeoutMs?: number;
  readonly signal: AbortSignal;
}

/** An answer whose body has not been read. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The address after redirects. */
  readonly url: URL;
  readonly body: AsyncIterable<Uint8Array>;
  /** Closes the connection, even if the body has not been read. */
  close(): void;
}

const userAgent = "nnunet-processor";
const maxJsonBytes = 16 * 2 ** 20;
const maxRedirects = 10;
const certificateErrors = /^(CERT_|ERR_TLS_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/**
 * An HTTPS client for downloads, with proxies from the environment, time-outs, and failures classified as
 * passing or final.
 */
export class HttpClient {
  readonly progress: Progress;
  readonly retry: RetryPolicy;
  readonly signal: AbortSignal;
  readonly #mirrorOrigins: ReadonlySet<string>;
  readonly #idleTimeoutMs: number;

  constructor(options: HttpClientOptions) {
    this.progress = options.progress;
    this.retry = options.retry ?? defaultRetryPolicy;
    this.signal = options.signal;
    this.#mirrorOrigins = new Set(options.mirrorOrigins ?? []);
    this.#idleTimeoutMs = options.idleTimeoutMs ?? 30_000;
  }

  /**
   * Sends one GET, or one POST if there is something to send, and follows redirects. Returns an answer of any status.
   *
   * @throws PassingFailure for a network fault that may pass; DOWNLOAD_FAILED for other faults;
   * SOURCE_INVALID for an address that is not https
   */
  async open(
    url: URL,
    headers: Readonly<Record<string, string>> = {},
    postedJson: Readonly<Record<string, string>> | null = null,
  ): Promise<HttpAnswer> {
    this.#checkProtocol(url);
    const stream = got.stream(url, {
      ...(postedJson === null ? {} : { method: "POST", json: postedJson }),
      headers: { "user-agent": userAgent, "accept-encoding": "identity", ...headers },
      agent: agentsFor(url),
      decompress: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      maxRedirects,
      timeout: {
        lookup: this.#idleTimeoutMs,
        connect: this.#idleTimeoutMs,
        secureConnect: this.#idleTimeoutMs,
        socket: this.#idleTimeoutMs,
        response: this.#idleTimeoutMs,
      },
      signal: this.signal,
      hooks: {
        beforeRedirect: [
          (redirected) => {
            const target = new URL(String(redirected.url));
            this.#checkProtocol(target);
            redirected.agent = agentsFor(target);
          },
        ],
      },
    });
    try {
      const [response] = (await once(stream, "response")) as [
        { statusCode: number; headers: IncomingHttpHeaders; url: string },
      ];
      return {
        status: response.statusCode,
        headers: response.headers,
        url: new URL(response.url),
        body: withSortedFailures(stream),
        close: () => stream.destroy(),
      };
    } catch (error) {
      stream.destroy();
      throw sortedFailure(error);
    }
  }

  /** Fetches a JSON document, with retries. The caller checks its shape. */
  async json(url: URL, label: string, accept = "application/json"): Promise<unknown> {
    return this.retrying(label, async () => {
      const answer = await this.open(url, { accept });
      try {
        if (answer.status !== 200) throw statusFailure(answer, label);
        const tooLong = () =>
          builderError("DOWNLOAD_FAILED", `${label}: the answer is longer than ${maxJsonBytes} bytes`);
        const body = await readBounded(answer.body, maxJsonBytes, tooLong);
        return parseJson(body.toString("utf8"), answer, label);
      } finally {
        answer.close();
      }
    });
  }

  retrying<T>(label: string, attempt: () => Promise<T>): Promise<T> {
    return withRetries(attempt, {
      label,
      policy: this.retry,
      note: (line) => this.progress.note(line),
      signal: this.signal,
    });
  }

  #checkProtocol(url: URL): void {
    if (url.protocol === "https:") return;
    if (url.protocol === "http:" && (isLoopback(url) || this.#mirrorOrigins.has(url.origin))) return;
    throw builderError(
      "SOURCE_INVALID",
      `${shownUrl(url)} is not https, so anyone on the network path could change the weights`,
    );
  }
}

/** Returns the failure that a status other than success means for a download. */
export function statusFailure(answer: HttpAnswer, label: string): PassingFailure | ProcessorError {
  const { status, headers } = answer;
  const what = `${answer.url.host} answers ${status}`;
  if (status === 404 || status === 410)
    return builderError("SOURCE_NOT_FOUND", `${label}: ${what}: there is no such file`);
  if (status === 407)
    return builderError("DOWNLOAD_FAILED", `${label}: the proxy requires a name and password (407)`);
  const mayPass = status === 403 || status === 408 || status === 425 || status === 429 || status >= 500;
  if (mayPass)
    return new PassingFailure(what, { retryAfterMs: parseRetryAfter(headers["retry-after"], Date.now()) });
  return builderError("DOWNLOAD_FAILED", `${label}: ${what}`);
}

/** Returns a URL for messages, without name, password and query, which may contain secrets. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function isLoopback(url: URL): boolean {
  return url.hostname === "localhost" || url.hostname === "[::1]" || /^127(\.\d+){3}$/.test(url.hostname);
}

export function agentsFor(url: URL): Agents {
  const proxy = getProxyForUrl(url.href);
  if (proxy === "") return {};
  // One CONNECT tunnel for both protocols. The cast is needed only for TypeScript, which has two Agent
  // classes.
  const agent = new HttpsProxyAgent(proxy) as unknown as NonNullable<Agents["https"]>;
  return { http: agent as NonNullable<Agents["http"]>, https: agent };
}

async function* withSortedFailures(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw sortedFailure(error);
  }
}

/** Distinguishes network errors that may pass from those for which a retry would not help. */
export function sortedFailure(error: unknown): Error {
  const known = causes(error).find((cause) => cause instanceof ProcessorError);
  if (known !== undefined) return known;
  if (!(error instanceof Error)) return new Error(String(error));
  const codes = causes(error).map((cause) => ("code" in cause ? String(cause.code) : ""));
  if (codes.includes("ERR_ABORTED") || error.name === "AbortError")
    return sharedError("INTERRUPTED", "the download was stopped", { cause: error });
  if (codes.includes("ENOTFOUND"))
    return builderError("DOWNLOAD_FAILED", `no such host, or no network: ${error.message}`, {
      cause: error,
    });
  if (codes.includes("ERR_TOO_MANY_REDIRECTS"))
    return builderError("DOWNLOAD_FAILED", `the server redirects in a circle: ${error.message}`, {
      cause: error,
    });
  if (codes.includes("ERR_UNSUPPORTED_PROTOCOL"))
    return builderError("DOWNLOAD_FAILED", "the server redirects to an address that is not http or https", {
      cause: error,
    });
  if (codes.some((code) => certificateErrors.test(code)))
    return builderError(
      "DOWNLOAD_FAILED",
      `the server's certificate is not trusted: ${error.message}. Behind a proxy that opens TLS, name its certificate in NODE_EXTRA_CA_CERTS`,
      { cause: error },
    );
  return new PassingFailure(reasonOf(error), { cause: error });
}

function reasonOf(error: Error): string {
  const codes = causes(error).map((cause) => ("code" in cause ? String(cause.code) : ""));
  if (codes.includes("ETIMEDOUT")) return "the server sends nothing";
  if (codes.includes("EAI_AGAIN")) return noNameServer(error);
  if (codes.some((code) => code === "ECONNRESET" || code === "EPIPE" || code === "ERR_BODY_PARSE_FAILURE"))
    return "the connection broke";
  return error.message;
}

export const noNameServer = (error: Error): string =>
  `no name server answers, or there is no network: ${error.message}`;

function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let cause = error; cause instanceof Error && !chain.includes(cause); cause = cause.cause)
    chain.push(cause);
  return chain;
}

function parseJson(text: string, answer: HttpAnswer, label: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw builderError(
      "DOWNLOAD_FAILED",
      `${label}: ${answer.url.host} answers with something that is not JSON`,
      { cause },
    );
  }
}

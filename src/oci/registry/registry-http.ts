import { once } from "node:events";
import got, { type OptionsInit, RequestError, type Response } from "got";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { readBounded } from "../../download/bounded-body.js";
import { noNameServer } from "../../download/http-client.js";
import { PassingFailure } from "../../download/retry.js";
import { builderError } from "../../ground/errors/builder-errors.js";

export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Response["headers"];
  readonly body: Buffer;
  /** The address that answered, after redirects. */
  readonly url: URL;
}

/** The authorities that replace Node's own, which must be among them. */
export interface HttpsTrust {
  readonly certificateAuthority?: string[];
}

export interface ExchangeOptions {
  readonly https: HttpsTrust;
  /** Longer answers are refused while they arrive. */
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal;
}

const idleMs = 60_000;

/**
 * Sends one request and returns the answer, whatever its status. Follows redirects of GET and HEAD.
 *
 * @throws PassingFailure for network faults that may pass; REGISTRY_FAILED for others; the signal's reason if
 * aborted
 */
export async function exchange(
  url: URL,
  { method, headers = {}, body }: RegistryRequest,
  options: ExchangeOptions,
): Promise<RegistryAnswer> {
  const { maxAnswerBytes, signal } = options;
  const isReading = method === "GET" || method === "HEAD";
  const stream = got.stream(url, {
    ...requestOptions(url, options),
    method,
    headers,
    // Without a body, got waits for a caller to write into the stream.
    ...(!isReading && { body: body ?? Buffer.alloc(0) }),
    throwHttpErrors: false,
    followRedirect: isReading,
  });
  try {
    const [response] = (await once(stream, "response")) as [Response];
    const tooLong = () =>
      builderError("REGISTRY_FAILED", `${url.host}: the answer is longer than ${maxAnswerBytes} bytes`);
    return {
      status: response.statusCode,
      headers: response.headers,
      body: await readBounded(stream, maxAnswerBytes, tooLong),
      url: new URL(response.url),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw networkFailure(error, url);
  } finally {
    stream.destroy();
  }
}

/** Streams the bytes at an address and follows redirects. Throws the errors of `exchange`. */
export function openBytes(
  url: URL,
  headers: Readonly<Record<string, string>>,
  options: Pick<ExchangeOptions, "https" | "signal">,
): AsyncIterable<Uint8Array> {
  return withNetworkFailures(got.stream(url, { ...requestOptions(url, options), headers }), url);
}

const requestOptions = (
  url: URL,
  { https, signal }: Pick<ExchangeOptions, "https" | "signal">,
): OptionsInit & { isStream?: true } => ({
  https,
  decompress: false,
  retry: { limit: 0 },
  timeout: { lookup: idleMs, connect: idleMs, secureConnect: idleMs, socket: idleMs, response: idleMs },
  signal,
  hooks: {
    beforeRedirect: [
      (redirected) => {
        const target = new URL(String(redirected.url));
        // got keeps the authorization if only the protocol changes.
        if (target.origin !== url.origin) delete redirected.headers["authorization"];
        if (target.protocol === "https:" || target.protocol === url.protocol) return;
        throw builderError(
          "REGISTRY_FAILED",
          `${url.host} redirects to ${target.protocol}//${target.host}, which is not https`,
        );
      },
    ],
  },
});

async function* withNetworkFailures(stream: AsyncIterable<Uint8Array>, url: URL): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw networkFailure(error, url);
  }
}

/** Distinguishes failures that may pass from those for which a retry would not help. */
function networkFailure(error: unknown, url: URL): Error {
  if (error instanceof ProcessorError) return error;
  if (!(error instanceof RequestError))
    return new PassingFailure(error instanceof Error ? error.message : String(error), { cause: error });
  if (error.cause instanceof ProcessorError) return error.cause;
  const failed = (what: string) => builderError("REGISTRY_FAILED", what, { cause: error });
  switch (error.code) {
    case "ENOTFOUND":
      return failed(`no such host as ${url.hostname}, or no network`);
    case "EAI_AGAIN":
      return new PassingFailure(noNameServer(error), { cause: error });
    case "ECONNREFUSED":
      return new ConnectionRefused(`nothing listens at ${url.host}`, { cause: error });
    case "ERR_TOO_MANY_REDIRECTS":
      return failed(`${url.host} redirects in a circle: ${error.message}`);
    case "ERR_UNSUPPORTED_PROTOCOL":
      return failed(`${url.host} redirects to an address that is not http or https`);
    default:
      return new PassingFailure(error.message, { cause: error });
  }
}

/** Nothing listens at the address. This may pass only if something listened before. */
export class ConnectionRefused extends PassingFailure {}

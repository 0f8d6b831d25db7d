import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import got from "got";
import { agentsFor, shownUrl, sortedFailure } from "./http-client.js";
import { PassingFailure, withRetries } from "./retry.js";

export interface PostOptions {
  /** Receives a line before each further attempt. */
  readonly note: (line: string) => void;
  /** The time after which the report is given up, with all attempts. */
  readonly limitMs?: number;
}

export interface ReportBody {
  /** The media type. */
  readonly type: string;
  readonly text: string;
}

const usualLimitMs = 30_000;
const attemptMs = 10_000;
const policy = { attempts: 4, firstDelayMs: 500, maxDelayMs: 4000, maxRetryAfterMs: 10_000 } as const;

/**
 * Sends a short report by POST to an address that the user named. A failure never ends the program, because the results
 * are complete without it; a stop of the program does not stop the report, which says that it was stopped.
 *
 * @returns why the report did not arrive; null if it did
 */
export async function postReport(
  url: URL,
  body: ReportBody,
  { note, limitMs = usualLimitMs }: PostOptions,
): Promise<string | null> {
  const label = shownUrl(url);
  const end = new AbortController();
  const attempts = withRetries(() => post(url, body, end.signal), {
    label,
    policy,
    note,
    signal: end.signal,
  }).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const late = wait(limitMs, `${label}: no answer in ${limitMs / 1000} s`, { signal: end.signal });
  try {
    return await Promise.race([attempts, late]);
  } finally {
    end.abort();
    await late.catch(() => {});
  }
}

async function post(url: URL, { type, text }: ReportBody, signal: AbortSignal): Promise<void> {
  const stream = got.stream.post(url, {
    headers: { "user-agent": "nnunet-processor", "content-type": type },
    body: text,
    agent: agentsFor(url),
    throwHttpErrors: false,
    retry: { limit: 0 },
    // A redirected POST would arrive as a GET without its body.
    followRedirect: false,
    timeout: { request: attemptMs },
    signal,
  });
  try {
    const [{ statusCode }] = (await once(stream, "response")) as [{ readonly statusCode: number }];
    if (statusCode >= 200 && statusCode < 300) return;
    const failure = `the server answers ${statusCode}`;
    if (statusCode === 408 || statusCode === 429 || statusCode >= 500) throw new PassingFailure(failure);
    throw new Error(`${shownUrl(url)}: ${failure}`);
  } catch (error) {
    throw error instanceof PassingFailure || !isNetworkFault(error) ? error : sortedFailure(error);
  } finally {
    stream.destroy();
  }
}

/** Node and got give their faults a code. */
const isNetworkFault = (error: unknown): boolean => error instanceof Error && "code" in error;

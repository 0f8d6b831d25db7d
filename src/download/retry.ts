import { setTimeout as wait } from "node:timers/promises";
import { counted } from "../../processor/contract/counted.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { builderError } from "../ground/errors/builder-errors.js";

export interface RetryPolicy {
  /** Number of consecutive failures without progress before giving up. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** Longest pause (Retry-After) that is granted to a server. */
  readonly maxRetryAfterMs: number;
}

/** Six attempts, with about half a minute of pauses in total. */
export const defaultRetryPolicy: RetryPolicy = {
  attempts: 6,
  firstDelayMs: 1000,
  maxDelayMs: 30_000,
  maxRetryAfterMs: 300_000,
};

/** A failure that may pass, so the operation is retried. */
export class PassingFailure extends Error {
  override readonly name = "PassingFailure";
  /** The pause that the server asks for; null if it does not ask for one. */
  readonly retryAfterMs: number | null;
  /** True if bytes arrived before the failure, which then does not count towards the attempts. */
  readonly hasProgressed: boolean;

  constructor(
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number | null; readonly hasProgressed?: boolean } = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.hasProgressed = options.hasProgressed ?? false;
  }
}

export interface RetryOptions {
  /** Name of the file or server, for messages. */
  readonly label: string;
  readonly policy: RetryPolicy;
  /** @param failure the reason and the number of the attempt, which are equal for parallel requests */
  readonly note: (line: string, failure: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs `attempt` until it succeeds. Retries only after a PassingFailure, after the pause that the server asks
 * for, or a pause that doubles each time. Up to half of that pause is random, so that many clients do not
 * return at the same time.
 *
 * @throws DOWNLOAD_FAILED with the last reason
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { label, policy, note } = options;
  for (let failures = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      failures = error.hasProgressed ? 1 : failures + 1;
      if (failures >= policy.attempts)
        throw builderError(
          "DOWNLOAD_FAILED",
          `${label}: ${error.message} (${counted(policy.attempts, "attempt")})`,
          {
            cause: error,
          },
        );
      const delayMs = pauseMs(failures, error.retryAfterMs, policy);
      if (delayMs === null)
        throw builderError(
          "DOWNLOAD_FAILED",
          `${label}: ${error.message}, and asks to come back in ${Math.round((error.retryAfterMs ?? 0) / 1000)} s`,
          { cause: error },
        );
      note(
        `${label}: ${error.message}; trying again in ${(delayMs / 1000).toFixed(1)} s (attempt ${failures + 1} of ${policy.attempts})`,
        `${error.message} ${failures}`,
      );
      await pause(delayMs, options.signal);
    }
  }
}

/**
 * Parses a Retry-After header (seconds or an HTTP date) to milliseconds; null if it is missing or invalid.
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

function pauseMs(failures: number, retryAfterMs: number | null, policy: RetryPolicy): number | null {
  if (retryAfterMs !== null && retryAfterMs > policy.maxRetryAfterMs) return null;
  const doubled = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (failures - 1));
  return Math.max(retryAfterMs ?? 0, doubled * (0.5 + 0.5 * Math.random()));
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal });
  } catch (cause) {
    throw sharedError("INTERRUPTED", "the download was stopped", { cause });
  }
}

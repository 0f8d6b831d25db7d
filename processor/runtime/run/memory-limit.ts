import { readFileSync } from "node:fs";
import { sharedError } from "../../contract/shared-errors.js";

/**
 * Returns the bytes that this process may hold in private memory: the soft limit RLIMIT_DATA, which platforms set to
 * the machine's memory minus their own needs. Returns infinity if there is no limit, or if it is unknown.
 */
export function dataLimitBytes(readLimits: () => string = readOwnLimits): number {
  const limit = /^Max data size\s+(\d+)\s/m.exec(readLimits())?.[1];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

/** Returns the bytes that this process may still use, according to the machine, its control group and RLIMIT_DATA. */
export const availableBytes = (): number =>
  Math.min(process.availableMemory(), Math.max(0, dataLimitBytes() - process.memoryUsage.rss()));

/** Returns OUT_OF_MEMORY with the limit for a failed allocation, and any other error unchanged. */
export function memoryError(error: unknown): unknown {
  if (!isFailedAllocation(error)) return error;
  return sharedError("OUT_OF_MEMORY", outOfMemoryMessage(error.message), { cause: error });
}

/** @param reason the message of the failed allocation */
export function outOfMemoryMessage(reason: string): string {
  const limit = dataLimitBytes();
  const what = Number.isFinite(limit)
    ? `more memory is needed than this machine's limit of ${(limit / 2 ** 30).toFixed(1)} GiB`
    : "more memory is needed than this machine has";
  return `${what} (${reason})`;
}

/** Returns whether an error is a failed allocation, which typed arrays and threads report differently. */
const isFailedAllocation = (error: unknown): error is Error =>
  error instanceof Error &&
  ((error instanceof RangeError &&
    /allocation failed|invalid (typed )?array( buffer)? length/i.test(error.message)) ||
    ["ERR_WORKER_OUT_OF_MEMORY", "ERR_WORKER_INIT_FAILED", "ENOMEM"].includes(
      (error as NodeJS.ErrnoException).code ?? "",
    ));

function readOwnLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "latin1");
  } catch {
    // Only Linux has this file. Other systems do not set this limit.
    return "";
  }
}

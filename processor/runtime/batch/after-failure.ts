import type { Attempt } from "./case-record.js";

/** What follows a failed attempt: the case is over, or it gets another attempt, or the whole run cannot go on. */
export type AfterFailure = "final" | "retry" | "stop";

/** Failures that every other case would have as well, on this machine, until somebody mends it. */
const ofTheWholeRun: ReadonlySet<string> = new Set([
  ...["DISK_FULL", "OUTPUT_UNWRITABLE", "DEVICE_MISSING", "DEVICE_UNFIT"],
  ...["INFERENCE_ENGINE_UNFIT", "PRECISION_UNFIT", "INTERRUPTED"],
]);

/** A case that ends its process so often is given up. */
export const mostDeaths = 2;

/**
 * Decides what follows a failure. Images, models and settings that are wrong stay wrong; a machine may do better next
 * time. Too little memory is worth one more attempt, with fewer windows at a time.
 *
 * @param attempts all attempts of the case; the last one failed
 * @param exitCode that of the failure's code: 4 for an image, 5 for a machine, 1 for a bug or an unknown error of the
 *   system
 * @param retries the attempts after the first one
 */
export function afterFailure(attempts: readonly Attempt[], exitCode: number, retries: number): AfterFailure {
  const code = attempts.at(-1)!.error!.code;
  if (ofTheWholeRun.has(code)) return "stop";
  if (exitCode !== 5 && exitCode !== 1) return "final";
  const count = (wanted: string) => attempts.filter(({ error }) => error?.code === wanted).length;
  if (code === "WORKER_DIED") return count(code) < mostDeaths ? "retry" : "final";
  if (attempts.length > retries) return "final";
  return code === "OUT_OF_MEMORY" && count(code) > 1 ? "final" : "retry";
}

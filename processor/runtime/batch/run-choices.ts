import { availableParallelism } from "node:os";
import type { ImageSettings } from "../../contract/run-settings.js";
import { sharedError } from "../../contract/shared-errors.js";
import { failureLimit } from "./failure-limit.js";
import type { RunBatchOptions } from "./run-batch.js";
import { shardOf } from "./shard.js";

/** The flags of `batch run`, as a command line gives them. */
export interface RunWords {
  readonly shard?: string | undefined;
  readonly shards?: string | number | undefined;
  readonly steal?: boolean | undefined;
  readonly jobs?: string | number | undefined;
  readonly gpus?: string | undefined;
  readonly retries?: string | number | undefined;
  readonly "max-failures"?: string | undefined;
  readonly grace?: string | number | undefined;
}

/** How a process works on a batch. */
export type RunChoices = Pick<
  RunBatchOptions,
  "shard" | "steals" | "workers" | "retries" | "maxFailures" | "graceSeconds"
>;

/**
 * Reads the flags of `batch run`.
 *
 * @throws USAGE
 */
export function runChoices(
  words: RunWords,
  environment: Readonly<Record<string, string | undefined>>,
): RunChoices {
  const { shard, shards, steal, jobs, gpus, retries, grace, "max-failures": maxFailures } = words;
  return {
    shard: shardOf(
      { shard: shard ?? null, shards: shards === undefined ? null : whole("shards", shards, 1) },
      environment,
    ),
    steals: steal === true,
    workers: workersOf(gpus ?? null, whole("jobs", jobs ?? 1, 1), environment),
    retries: whole("retries", retries ?? 2, 0),
    maxFailures: maxFailures === undefined ? null : failureLimit(maxFailures),
    graceSeconds: whole("grace", grace ?? 0, 0),
  };
}

/**
 * Returns the GPU of each worker, with the same number of workers for each GPU, or for the whole machine without one.
 *
 * @throws USAGE for words that name no GPUs, and for GPUs that CUDA_VISIBLE_DEVICES keeps from this process
 */
export function workersOf(
  gpus: string | null,
  jobs: number,
  environment: Readonly<Record<string, string | undefined>>,
): readonly (string | null)[] {
  const repeated = <T>(one: T): readonly T[] => Array.from({ length: jobs }, () => one);
  if (gpus === null) return repeated(null);
  const names = gpus.split(",").map((name) => name.trim());
  if (
    !names.every((name) => /^(?:\d{1,3}|(?:GPU|MIG)-[\w/-]+)$/.test(name)) ||
    new Set(names).size < names.length
  )
    throw sharedError(
      "USAGE",
      `GPUs are different numbers with commas between them, such as 0 or 0,1; not ${JSON.stringify(gpus)}`,
    );
  const shown = (environment["CUDA_VISIBLE_DEVICES"] ?? "").split(",").map((name) => name.trim());
  const areNumbers = [...names, ...shown].every((name) => /^\d+$/.test(name));
  const hidden = names.filter((name) => !shown.includes(name));
  if (areNumbers && hidden.length > 0)
    throw sharedError(
      "USAGE",
      `GPU ${gpus}: CUDA_VISIBLE_DEVICES shows this process only ${shown.join(",")}; both number GPUs as nvidia-smi does`,
    );
  return names.flatMap(repeated);
}

/**
 * Returns the settings for workers that share a machine: they share its cores, and those of named GPUs run there.
 *
 * @throws USAGE for GPUs on the CPU
 */
export function sharedSettings(settings: ImageSettings, workers: readonly (string | null)[]): ImageSettings {
  const hasGpus = workers[0] !== null;
  if (hasGpus && settings.device === "cpu")
    throw sharedError("USAGE", "--gpus and --device cpu cannot be used together");
  const threads = settings.threads ?? Math.max(1, Math.floor(availableParallelism() / workers.length));
  return {
    ...settings,
    device: hasGpus ? "cuda" : settings.device,
    threads: workers.length === 1 ? settings.threads : threads,
  };
}

function whole(flag: string, given: string | number, least: number): number {
  const value = typeof given === "number" ? given : /^\d+$/.test(given.trim()) ? Number(given) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw sharedError("USAGE", `--${flag} must be a whole number, ${least} or more, but is ${given}`);
}

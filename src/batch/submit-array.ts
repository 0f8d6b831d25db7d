import { spawn } from "node:child_process";
import { once } from "node:events";
import { batchError } from "../../processor/runtime/batch/errors.js";
import { builderError } from "../ground/errors/builder-errors.js";

/** The ids of the jobs that were submitted. */
export interface SubmittedArray {
  readonly array: string;
  readonly summary: string;
}

/**
 * Submits an array, and a job that writes the summary after it, whatever became of the array.
 *
 * @throws TOOL_MISSING without Slurm; SCHEDULER_FAILED with Slurm's own message
 */
export async function submitArray(
  scripts: { readonly array: string; readonly summary: string },
  signal: AbortSignal,
): Promise<SubmittedArray> {
  const array = await sbatch([scripts.array], signal);
  return { array, summary: await sbatch([`--dependency=afterany:${array}`, scripts.summary], signal) };
}

/**
 * Submits one script.
 *
 * @throws as `submitArray`
 */
export const submitScript = (script: string, signal: AbortSignal): Promise<string> =>
  sbatch([script], signal);

/** Returns the id of the job, which `--parsable` prints with the name of the cluster. */
async function sbatch(words: readonly string[], signal: AbortSignal): Promise<string> {
  const out = await runScheduler("sbatch", ["--parsable", ...words], signal);
  const id = /^(\d+)(?:;.*)?$/m.exec(out)?.[1];
  if (id === undefined) throw batchError("SCHEDULER_FAILED", `sbatch answered ${JSON.stringify(out.trim())}`);
  return id;
}

/** A waiting or running task of an array. */
export interface QueuedTask {
  /** As `scancel` takes it, such as `4711_2`. */
  readonly id: string;
  readonly number: number;
  /** In Slurm's words, such as PENDING. */
  readonly state: string;
  readonly user: string;
}

/**
 * Returns the tasks, of any user, in all arrays that were submitted with a script.
 *
 * @throws as `submitArray`
 */
export async function queuedTasks(
  { script, jobName }: { readonly script: string; readonly jobName: string },
  signal: AbortSignal,
): Promise<readonly QueuedTask[]> {
  const words = ["--noheader", "--array", `--name=${jobName}`, "--format=%F|%K|%T|%u|%o"];
  const out = await runScheduler("squeue", words, signal);
  return out.split("\n").flatMap((line) => {
    const [job, number, state = "", user = "", ...command] = line.trim().split("|");
    if (command.join("|") !== script || !/^\d+$/.test(number ?? "")) return [];
    return [{ id: `${job}_${number}`, number: Number(number), state, user }];
  });
}

/** Cancels jobs of Slurm. */
export async function cancelJobs(ids: readonly string[], signal: AbortSignal): Promise<void> {
  await runScheduler("scancel", ids, signal);
}

async function runScheduler(name: string, words: readonly string[], signal: AbortSignal): Promise<string> {
  const child = spawn(name, words, { stdio: ["ignore", "pipe", "pipe"], signal });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    texts.out += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    texts.err += part;
  });
  const [code] = (await once(child, "close").catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    if (error.code === "ENOENT")
      throw builderError(
        "TOOL_MISSING",
        `${name} is missing; --dry-run writes the scripts for another machine`,
      );
    throw error;
  })) as [number | null];
  if (code === 0) return texts.out;
  throw batchError("SCHEDULER_FAILED", `${name}: ${texts.err.trim() || `exit code ${code}`}`);
}

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { FuzzOutcome, FuzzTask } from "./fuzz-worker.js";

/** The limits for every reader, with some more time for a busy machine. */
const mostMs = 10_000;
const mostMiB = 1024;

/** The process that reads inputs. Its memory is limited, and it is started again after a fault. */
export class FuzzProcess {
  readonly #folder: string;
  #worker: ChildProcess | null = null;

  /** @param folder the working folder of the process */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async outcomeOf(task: FuzzTask): Promise<FuzzOutcome> {
    this.#worker ??= start(this.#folder);
    const outcome = judged(await answerOf(this.#worker, task));
    if (outcome.kind === "failed") this.stop();
    return outcome;
  }

  stop(): void {
    this.#worker?.kill("SIGKILL");
    this.#worker = null;
  }
}

/**
 * Starts the process with limits. Node's own limit applies only to its heap. On Linux, `prlimit` limits all of its memory,
 * including buffers, so that the machine stays usable; elsewhere the peak is only measured.
 */
function start(cwd: string): ChildProcess {
  const heapLimit = `--max-old-space-size=${mostMiB}`;
  const runtime =
    process.platform === "linux"
      ? { execPath: "prlimit", execArgv: [`--data=${mostMiB * 2 ** 20}`, process.execPath, heapLimit] }
      : { execArgv: [heapLimit] };
  const worker = join(import.meta.dirname, "fuzz-worker.js");
  return fork(worker, { ...runtime, cwd, stdio: ["ignore", "ignore", "inherit", "ipc"] });
}

async function answerOf(worker: ChildProcess, task: FuzzTask): Promise<FuzzOutcome> {
  const done = new AbortController();
  const { signal } = done;
  const answered = once(worker, "message", { signal }).then(([message]) => message as FuzzOutcome);
  const died = once(worker, "exit", { signal }).then(
    ([code, name]): FuzzOutcome => failed(`the process ended (${name ?? code})`),
  );
  const late = isLate(worker.pid!, signal).then(() => failed(`it took longer than ${mostMs / 1000} s`));
  worker.send(task);
  try {
    return await Promise.race([answered, died, late]);
  } finally {
    // This rejects the two promises that lost the race.
    for (const loser of [answered, died, late]) loser.catch(() => {});
    done.abort();
  }
}

/**
 * Resolves when the process has computed for as long as a reader may take, or has waited for several times as long. On a
 * busy machine, the elapsed time alone would blame every reader.
 */
async function isLate(pid: number, signal: AbortSignal): Promise<void> {
  const start = computedMs(pid);
  for (let waits = 0; waits < mostWaits; waits++) {
    await wait(mostMs, undefined, { signal });
    const now = computedMs(pid);
    if (start === null || now === null || now - start >= mostMs / 2) return; // a reader also waits for files
  }
}

const mostWaits = 12;
const ticksPerSecond = 100;

/** Returns the CPU time of a process; null where the system has no /proc. */
function computedMs(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
  } catch {
    return null;
  }
}

const failed = (reason: string): FuzzOutcome => ({ kind: "failed", reason, peakBytes: 0 });

const judged = (outcome: FuzzOutcome): FuzzOutcome =>
  outcome.peakBytes > mostMiB * 2 ** 20
    ? failed(`it took ${Math.round(outcome.peakBytes / 2 ** 20)} MiB`)
    : outcome;

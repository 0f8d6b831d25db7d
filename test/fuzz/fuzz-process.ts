import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
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
  const late = wait(mostMs, failed(`it took longer than ${mostMs / 1000} s`), { signal });
  worker.send(task);
  try {
    return await Promise.race([answered, died, late]);
  } finally {
    // This rejects the two promises that lost the race.
    for (const loser of [answered, died, late]) loser.catch(() => {});
    done.abort();
  }
}

const failed = (reason: string): FuzzOutcome => ({ kind: "failed", reason, peakBytes: 0 });

const judged = (outcome: FuzzOutcome): FuzzOutcome =>
  outcome.peakBytes > mostMiB * 2 ** 20
    ? failed(`it took ${Math.round(outcome.peakBytes / 2 ** 20)} MiB`)
    : outcome;

import { counted } from "../../../processor/contract/counted.js";
import { ProcessorError } from "../../../processor/contract/errors.js";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { createWorkerPool, type WorkerPool } from "../../../processor/imaging/threads/worker-pool.js";
import { type Answer, answered } from "./answers.js";
import type { toolKernels } from "./tool-kernels.js";

type Kernels = typeof toolKernels;
type Task<Name extends keyof Kernels> = Parameters<Kernels[Name]>[0];
type Result<Name extends keyof Kernels> =
  Awaited<ReturnType<Kernels[Name]>> extends Answer<infer T> ? T : never;
type ToolTasks = {
  readonly [Name in keyof Kernels]: {
    readonly task: Task<Name>;
    readonly result: Awaited<ReturnType<Kernels[Name]>>;
  };
};

export interface WorkSession {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Runs one kernel for many cases, in worker threads, with progress. All cases run, even if some fail.
 *
 * @param label what happens, for the progress line
 * @throws the error of the only case that failed, or SOME_CASES_FAILED with every message
 */
export async function forEachCase<Name extends keyof Kernels>(
  label: string,
  kernel: Name,
  tasks: readonly Task<Name>[],
  { progress, signal }: WorkSession,
): Promise<readonly Result<Name>[]> {
  const pool = sharedPool();
  const shown = progress.start({ label, total: tasks.length, unit: "cases" });
  const stop = () => {
    opened = null;
    void pool.close();
  };
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    const settled = await Promise.allSettled(
      tasks.map(async (task) => {
        const answer = (await pool.run(kernel, task)) as Answer<Result<Name>>;
        shown.advance(1);
        return answered(answer);
      }),
    );
    signal.throwIfAborted();
    return allOrFailure(settled);
  } finally {
    signal.removeEventListener("abort", stop);
    shown.done();
  }
}

let opened: WorkerPool<ToolTasks> | null = null;

/** Returns the pool of this process. Its threads load once for all steps of a command, and end with the process. */
function sharedPool(): WorkerPool<ToolTasks> {
  opened ??= createWorkerPool(new URL("./tool-worker.js", import.meta.url));
  return opened;
}

function allOrFailure<T>(settled: readonly PromiseSettledResult<T>[]): readonly T[] {
  const failures = settled.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  const [first] = failures;
  const unexpected = failures.find((failure) => !(failure instanceof ProcessorError));
  if (unexpected !== undefined) throw unexpected;
  if (failures.length === 1) throw first;
  if (failures.length > 1) {
    const lines = failures.map((failure) => `  ${(failure as Error).message}`);
    throw sharedError(
      "SOME_CASES_FAILED",
      `${counted(failures.length, "case")} of ${settled.length} failed:\n${lines.join("\n")}`,
    );
  }
  return settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

import type { Progress } from "../../../processor/contract/progress/progress.js";
import { libdeflate } from "../../../processor/files/libdeflate.js";
import {
  createWorkerPool,
  defaultWorkers,
  type WorkerPool,
} from "../../../processor/imaging/threads/worker-pool.js";
import type { DatasetTasks } from "./kernels.js";

export type DatasetPool = WorkerPool<DatasetTasks>;

/** What the work on many cases needs from the program. */
export interface WorkTools {
  /** The number of cases at a time; null for one for each core. */
  readonly workers: number | null;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

interface WorkOnCases {
  readonly label: string;
  readonly tools: WorkTools;
  readonly isReading?: boolean;
}

/**
 * Works on many items side by side in threads, and reports the progress. Stops at the first failure, or when the signal is
 * aborted.
 *
 * @param what `label` says what is done, such as `Dataset004_Liver: measuring`; `isReading` is true for work that often waits for
 *   zlib: one case more than there are cores then keeps them busy, unless the user names a number
 * @returns the results in the order of the items
 */
export async function eachCase<Item, Result>(
  items: readonly Item[],
  { label, tools, isReading = false }: WorkOnCases,
  work: (item: Item, pool: DatasetPool, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const { workers, progress, signal } = tools;
  const wanted = workers ?? defaultWorkers() + (isReading && libdeflate() === null ? 1 : 0);
  const count = Math.max(1, Math.min(wanted, items.length));
  const pool = createWorkerPool<DatasetTasks>(new URL("./dataset-worker.js", import.meta.url), count);
  const task = progress.start({ label, total: items.length, unit: "cases" });
  const results: Result[] = [];
  let next = 0;
  let stop: () => void = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });
  // Without a reader, a rejection would end the program.
  stopped.catch(() => {});
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length && !signal.aborted; index = next++) {
      results[index] = await work(items[index]!, pool, index);
      task.advance(1);
    }
  };
  try {
    await Promise.race([Promise.all(Array.from({ length: count }, lane)), stopped]);
    signal.throwIfAborted();
    return results;
  } finally {
    next = items.length;
    signal.removeEventListener("abort", stop);
    task.done();
    await pool.close();
  }
}

import { createWorkerPool, defaultWorkers, TaskTimeout } from "../threads/worker-pool.js";
import type { SliceBatch, SliceProblem } from "./pixels/decode-slice.js";

type DecodeTasks = {
  readonly decodeSlices: { readonly task: SliceBatch; readonly result: SliceProblem | null };
};

/** A decoder that works longer on a slice than this, and on each pixel than this, is stopped. */
const longestMs = 8000;
const longestMsPerPixel = 0.004;

/** Worker threads that decode slices. They are stopped if a slice takes too long. */
export interface DecodePool {
  /** The number of workers for compressed pixels. With others, this thread takes the place of one. */
  readonly workers: number;
  /** Starts workers before there is something to decode, so that they are ready when there is. */
  start(): void;
  decode(batch: SliceBatch): Promise<SliceProblem | null>;
  close(): Promise<void>;
}

export function openDecodePool(): DecodePool {
  const size = defaultWorkers();
  const pool = createWorkerPool<DecodeTasks>(new URL("./decode-worker.js", import.meta.url), size, {
    longestTaskMs: (batch) =>
      (batch as SliceBatch).reduce(
        (sum, { rows, columns }) => sum + longestMs + rows * columns * longestMsPerPixel,
        longestMs,
      ),
  });
  return {
    workers: size,
    start() {
      // A pool that is closed early rejects what it has not done.
      for (let i = 1; i < size; i++) pool.run("decodeSlices", []).catch(() => {});
    },
    decode: (batch) =>
      pool.run("decodeSlices", batch).catch((error: unknown) => {
        if (error instanceof TaskTimeout) return { slice: 0, message: "its pixels take too long to decode" };
        throw error;
      }),
    close: () => pool.close(),
  };
}

import { Worker } from "node:worker_threads";
import type { HeadRange } from "../../contract/head-ranges.js";
import { threadLimits } from "../../imaging/threads/thread-limits.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import {
  addedIndex,
  failedForMemory,
  failureIndex,
  finishedIndex,
  type ToAccumulationWorker,
} from "./accumulation-messages.js";
import type { OutputSink } from "./output-sink.js";
import type { SlabSender } from "./slab-sender.js";
import type { SumsShape, WindowOutputs } from "./window-sums.js";
import { stopIndex, WorkerFailure } from "./worker-messages.js";

/** A thread that sums some of the heads. */
export interface AccumulationThread {
  readonly worker: Worker;
  readonly range: HeadRange;
}

export const openAccumulationThread = (range: HeadRange): AccumulationThread => {
  const worker = new Worker(new URL("./accumulation-worker.js", import.meta.url), {
    resourceLimits: threadLimits,
  });
  worker.unref();
  return { worker, range };
};

/** The most outputs that wait for a thread. One is added while the network computes the next. */
const outputsInFlight = 2;

export interface ThreadedSinkOptions {
  readonly slabs: SlabSender;
  /** The case's control array, in which a stop is requested. */
  readonly control: Int32Array;
}

/** Sums outputs on several threads, each for some heads, so that a fast device does not have to wait. */
export class ThreadedSink implements OutputSink {
  readonly #slabs: SlabSender;
  readonly #control: Int32Array;
  readonly #state: Int32Array<SharedArrayBuffer>;
  readonly #posted: number[];
  readonly #unfinished: { readonly slab: Float32Array<SharedArrayBuffer>; readonly zStart: number }[] = [];
  #finishedSlabs = 0;

  readonly #threads: readonly AccumulationThread[];

  constructor(
    threads: readonly AccumulationThread[],
    shape: SumsShape,
    { slabs, control }: ThreadedSinkOptions,
  ) {
    this.#threads = threads;

    this.#slabs = slabs;
    this.#control = control;
    this.#state = new Int32Array(new SharedArrayBuffer(4 * (addedIndex + threads.length)));
    this.#posted = threads.map(() => 0);
    threads.forEach(({ range }, index) => {
      this.#post(index, { type: "begin", shape, range, index, state: this.#state });
    });
  }

  add(outputs: WindowOutputs, heads: HeadRange | null): void {
    this.#threads.forEach(({ range }, index) => {
      if (heads === null) this.#addTo(index, { ...outputs, values: headsOf(outputs, range, this.#heads) });
      else if (heads.from === range.from) this.#addTo(index, outputs);
    });
    this.#sendFinished();
  }

  addWeights(cornersZyx: readonly Zyx[]): void {
    this.#postAll({ type: "weights", cornersZyx });
  }

  finish(from: number, to: number, zStart: number): void {
    const slab = this.#slabs.allocate(to - from);
    this.#unfinished.push({ slab, zStart });
    this.#postAll({ type: "finish", from, to, slab });
    this.#sendFinished();
  }

  advance(slices: number): void {
    this.#postAll({ type: "advance", slices });
  }

  settle(): void {
    while (this.#unfinished.length > 0) {
      this.#waitFor(finishedIndex, (this.#finishedSlabs + 1) * this.#threads.length);
      this.#sendFinished();
    }
    this.#slabs.settle();
  }

  get #heads(): number {
    return this.#threads.at(-1)!.range.to;
  }

  #addTo(index: number, outputs: WindowOutputs): void {
    this.#waitFor(addedIndex + index, this.#posted[index]! - outputsInFlight + 1);
    this.#posted[index]!++;
    const { buffer } = outputs.values;
    this.#threads[index]!.worker.postMessage({ type: "add", outputs } satisfies ToAccumulationWorker, [
      buffer as ArrayBuffer,
    ]);
  }

  /** Sends slabs in order, as soon as all threads have written their heads. */
  #sendFinished(): void {
    const parts = Atomics.load(this.#state, finishedIndex);
    while (this.#unfinished.length > 0 && parts >= (this.#finishedSlabs + 1) * this.#threads.length) {
      const { slab, zStart } = this.#unfinished.shift()!;
      this.#finishedSlabs++;
      this.#slabs.post(slab, zStart);
    }
  }

  #postAll(message: ToAccumulationWorker): void {
    this.#threads.forEach((_, index) => {
      this.#post(index, message);
    });
  }

  #post(index: number, message: ToAccumulationWorker): void {
    this.#threads[index]!.worker.postMessage(message);
  }

  #waitFor(place: number, count: number): void {
    for (;;) {
      const failure = Atomics.load(this.#state, failureIndex);
      if (failure !== 0)
        throw new WorkerFailure(
          "run",
          failure === failedForMemory
            ? "Array buffer allocation failed for the sums of windows"
            : "summing windows failed",
        );
      if (Atomics.load(this.#control, stopIndex) !== 0) throw new WorkerFailure("stopped", "stopped");
      const reached = Atomics.load(this.#state, place);
      if (reached >= count) return;
      Atomics.wait(this.#state, place, reached, 500);
    }
  }
}

/** Copies the heads of one thread out of all heads. */
function headsOf(
  { values, cornersZyx }: WindowOutputs,
  { from, to }: HeadRange,
  heads: number,
): Float32Array | Uint16Array {
  const perWindow = values.length / cornersZyx.length;
  const perHead = perWindow / heads;
  const taken = new (values instanceof Float32Array ? Float32Array : Uint16Array)(
    cornersZyx.length * (to - from) * perHead,
  );
  cornersZyx.forEach((_, i) => {
    const window = values.subarray(i * perWindow + from * perHead, i * perWindow + to * perHead);
    taken.set(window, i * (to - from) * perHead);
  });
  return taken;
}

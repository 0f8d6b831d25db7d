import {
  type FromInferenceWorker,
  type PredictTask,
  releasedIndex,
  stopIndex,
  WorkerFailure,
} from "./worker-messages.js";

/** The most slabs that wait for the export while the next rows are predicted. */
const slabsInFlight = 2;

/** The most bytes of a slab in memory that is used again, unless one slice has more. */
const mostSlabBytes = 32e6;

/** Sends finished slices to the main thread, and waits if that thread does not keep up. */
export class SlabSender {
  #sent = 0;
  /** Memory that is used in turn. New memory for each slab would stay until every thread that read it collects garbage. */
  readonly #memory: Float32Array<SharedArrayBuffer>[] = [];

  readonly #task: Pick<PredictTask, "heads" | "sizeZyx" | "control">;
  readonly #send: (message: FromInferenceWorker) => void;

  constructor(
    task: Pick<PredictTask, "heads" | "sizeZyx" | "control">,
    send: (message: FromInferenceWorker) => void,
  ) {
    this.#task = task;
    this.#send = send;
  }

  /** Allocates memory for some slices of all heads. */
  allocate(slices: number): Float32Array<SharedArrayBuffer> {
    return new Float32Array(new SharedArrayBuffer(slices * this.#sliceLength * 4));
  }

  /** The most slices that `borrow` gives. */
  get slicesPerSlab(): number {
    return Math.max(1, Math.floor(mostSlabBytes / (4 * this.#sliceLength)));
  }

  /** Returns memory of an earlier slab that the main thread has read. It must be posted before the next call. */
  borrow(slices: number): Float32Array<SharedArrayBuffer> {
    this.#waitFor(this.#sent - slabsInFlight + 1);
    const place = this.#sent % slabsInFlight;
    const length = slices * this.#sliceLength;
    let memory = this.#memory[place];
    if (memory === undefined || memory.length < length) {
      memory = this.allocate(slices);
      this.#memory[place] = memory;
    }
    return memory.subarray(0, length);
  }

  post(values: Float32Array<SharedArrayBuffer>, zStart: number): void {
    this.#send({ type: "slab", zStart, slices: values.length / this.#sliceLength, values });
    this.#sent++;
    this.#waitFor(this.#sent - slabsInFlight + 1);
  }

  /** Waits until the main thread has taken all slabs. */
  settle(): void {
    this.#waitFor(this.#sent);
  }

  get #sliceLength(): number {
    const { heads, sizeZyx } = this.#task;
    return heads * sizeZyx[1] * sizeZyx[2];
  }

  #waitFor(count: number): void {
    const { control } = this.#task;
    for (;;) {
      const released = Atomics.load(control, releasedIndex);
      if (released >= count) return;
      if (Atomics.load(control, stopIndex) !== 0) throw new WorkerFailure("stopped", "stopped");
      Atomics.wait(control, releasedIndex, released, 500);
    }
  }
}

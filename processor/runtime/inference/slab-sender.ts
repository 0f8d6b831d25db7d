import {
  type FromInferenceWorker,
  type PredictTask,
  releasedIndex,
  stopIndex,
  WorkerFailure,
} from "./worker-messages.js";

/** The most slabs that wait for the export while the next rows are predicted. */
const slabsInFlight = 2;

/** Sends finished slices to the main thread, and waits if that thread does not keep up. */
export class SlabSender {
  #sent = 0;

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
    const { heads, sizeZyx } = this.#task;
    return new Float32Array(new SharedArrayBuffer(slices * heads * sizeZyx[1] * sizeZyx[2] * 4));
  }

  post(values: Float32Array<SharedArrayBuffer>, zStart: number): void {
    const { heads, sizeZyx } = this.#task;
    this.#send({ type: "slab", zStart, slices: values.length / (heads * sizeZyx[1] * sizeZyx[2]), values });
    this.#sent++;
    this.#waitFor(this.#sent - slabsInFlight + 1);
  }

  /** Waits until the main thread has taken all slabs. */
  settle(): void {
    this.#waitFor(this.#sent);
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

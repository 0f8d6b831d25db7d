import { readGpuFacts } from "../inference/gpu-facts.js";

/** What is known of the GPUs. */
export interface GpuState {
  readonly isAvailable: boolean;
  /** The free memory of the GPU that has the most, in MiB; null without a GPU. */
  readonly maxFreeMib: number | null;
}

const refreshMs = 5000;

/** The free memory of the GPUs, as it was some seconds ago. Nobody waits for it, because the driver can be slow. */
export class GpuWatch {
  #state: GpuState = { isAvailable: false, maxFreeMib: null };
  #readAtMs = Number.NEGATIVE_INFINITY;

  state(): GpuState {
    const now = performance.now();
    if (now - this.#readAtMs > refreshMs) {
      this.#readAtMs = now;
      void readGpuFacts().then(({ gpus }) => {
        const free = (gpus ?? []).map(({ freeMemoryBytes }) => freeMemoryBytes / 2 ** 20);
        this.#state = {
          isAvailable: free.length > 0,
          maxFreeMib: free.length > 0 ? Math.max(...free) : null,
        };
      });
    }
    return this.#state;
  }
}

import { setTimeout as wait } from "node:timers/promises";
import { type Gpu, readGpuFacts } from "../../inference/gpu-facts.js";
import { serviceError } from "../errors.js";
import type { WorkerSettings } from "./worker-messages.js";

export interface GpuWaitOptions {
  readonly settings: WorkerSettings;
  readonly signal: AbortSignal;
  readonly onWait: () => void;
}

const pollMs = 500;

/**
 * Waits until a GPU has more free memory than a job needs.
 *
 * @returns the index of the GPU; null on a CPU
 * @throws DEVICE_BUSY if the memory is not free in time; the signal's reason
 */
export async function waitForGpu(
  minMemoryMib: number,
  { settings: { device, gpu, gpuWaitMs }, signal, onWait }: GpuWaitOptions,
): Promise<number | null> {
  if (device === "cpu") return null;
  const end = performance.now() + gpuWaitMs;
  for (let isWaiting = false; ; isWaiting = true) {
    const { gpus } = await readGpuFacts();
    if (gpus === null) return null;
    const found = largest(gpus, gpu);
    if (found.gpu.freeMemoryBytes > minMemoryMib * 2 ** 20) return found.index;
    if (performance.now() >= end)
      throw serviceError(
        "DEVICE_BUSY",
        `no GPU has more than ${minMemoryMib} MiB free; the most is ${Math.floor(found.gpu.freeMemoryBytes / 2 ** 20)} MiB`,
      );
    if (!isWaiting) onWait();
    await wait(pollMs, undefined, { signal });
  }
}

/** Returns the worker's own GPU, or the one with the most free memory. */
function largest(gpus: readonly Gpu[], own: number | null): { readonly index: number; readonly gpu: Gpu } {
  const numbered = gpus.map((gpu, index) => ({ index, gpu }));
  const ownGpu = numbered.find(({ index }) => index === own);
  return (
    ownGpu ??
    numbered.reduce((best, next) => (next.gpu.freeMemoryBytes > best.gpu.freeMemoryBytes ? next : best))
  );
}

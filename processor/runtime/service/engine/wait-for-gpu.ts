import { setTimeout as wait } from "node:timers/promises";
import { readGpuFacts } from "../../inference/gpu-facts.js";
import type { Gpu } from "../../inference/nvidia-smi.js";
import { serviceError } from "../errors.js";
import type { WorkerSettings } from "./worker-messages.js";

export interface GpuWaitOptions {
  readonly settings: WorkerSettings;
  /** The GPU of the job before, whose networks may still be loaded, by its name for CUDA_VISIBLE_DEVICES; null for none. */
  readonly lastGpu: string | null;
  readonly signal: AbortSignal;
  readonly onWait: () => void;
}

const pollMs = 500;

/**
 * Waits until a GPU has more free memory than a job needs: the one of the job before, or the one with the most.
 *
 * @returns null on a CPU, or if no GPU is known
 * @throws DEVICE_BUSY if the memory is not free in time; the signal's reason
 */
export async function waitForGpu(
  minMemoryMib: number,
  { settings: { device, gpuWaitMs }, lastGpu, signal, onWait }: GpuWaitOptions,
): Promise<Gpu | null> {
  if (device === "cpu") return null;
  const end = performance.now() + gpuWaitMs;
  for (let isWaiting = false; ; isWaiting = true) {
    const { gpus, order } = await readGpuFacts();
    const roomiest =
      order === "named" ? gpus?.[0] : gpus?.toSorted((a, b) => b.freeMemoryBytes - a.freeMemoryBytes)[0];
    if (roomiest === undefined) return null;
    const isEnough = ({ freeMemoryBytes }: Gpu): boolean => freeMemoryBytes > minMemoryMib * 2 ** 20;
    const found = [...(gpus ?? []).filter(({ id }) => id === lastGpu), roomiest].find(isEnough);
    if (found !== undefined) return found;
    if (performance.now() >= end)
      throw serviceError(
        "DEVICE_BUSY",
        `no GPU has more than ${minMemoryMib} MiB free; the most is ${Math.floor(roomiest.freeMemoryBytes / 2 ** 20)} MiB`,
      );
    if (!isWaiting) onWait();
    await wait(pollMs, undefined, { signal });
  }
}

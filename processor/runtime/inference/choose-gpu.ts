import { type GpuRequirements, runsOn } from "../../contract/gpu-requirements.js";
import type { GpuFacts } from "./gpu-facts.js";
import type { Gpu } from "./nvidia-smi.js";

export interface GpuNeeds {
  /** Null if they are unknown, as for an installation of the user's own. */
  readonly requirements: GpuRequirements | null;
  /** The least memory that is needed; 0 if that is unknown. */
  readonly memoryBytes: number;
}

/**
 * Returns the GPU that runs the networks: the first one that CUDA_VISIBLE_DEVICES names, or the best one for the needs.
 * CUDA would take the one that it believes to be the fastest, whether or not the networks run and fit there.
 *
 * @returns null if no GPU is known, or if only CUDA knows which is the first
 */
export function chooseGpu({ gpus, order }: Pick<GpuFacts, "gpus" | "order">, needs: GpuNeeds): Gpu | null {
  if (gpus === null || order === "unknown") return null;
  if (order === "named") return gpus[0] ?? null;
  return gpus.toSorted((a, b) => compareGpus(b, a, needs))[0] ?? null;
}

/** Returns more than 0 if the first GPU is better. The larger memory is usually that of the faster GPU. */
export function compareGpus(a: Gpu, b: Gpu, { requirements, memoryBytes }: GpuNeeds): number {
  const measures: readonly ((gpu: Gpu) => number)[] = [
    ({ computeCapability }) => Number(requirements === null || runsOn(requirements, computeCapability)),
    ({ freeMemoryBytes }) => Number(freeMemoryBytes >= memoryBytes),
    (gpu) => gpu.memoryBytes,
    (gpu) => gpu.freeMemoryBytes,
  ];
  const found = measures.find((measure) => measure(a) !== measure(b));
  return found === undefined ? 0 : found(a) - found(b);
}

/**
 * Returns the variables that make CUDA use the chosen GPU. There are none if nothing was named and the machine has no
 * second GPU.
 */
export function variablesFor(
  { machine, visibleDevices }: Pick<GpuFacts, "machine" | "visibleDevices">,
  chosen: Gpu | null,
): Readonly<Record<string, string>> {
  if (chosen !== null && machine !== null && machine.length > 1) return { CUDA_VISIBLE_DEVICES: chosen.id };
  return visibleDevices === null ? {} : { CUDA_VISIBLE_DEVICES: visibleDevices };
}

/** @example shownGpu(gpu) // "GPU 1 (NVIDIA A10G)" */
export const shownGpu = ({ index, name }: Gpu): string => `GPU ${index} (${name})`;

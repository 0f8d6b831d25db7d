import { readFile, stat } from "node:fs/promises";
import type { ProcessorError } from "../../contract/errors.js";
import { type GpuRequirements, gpuRequirements, isAtLeast, runsOn } from "../../contract/gpu-requirements.js";
import { parseChecked } from "../../contract/parse-checked.js";
import { places } from "../../contract/places.js";
import { sharedError } from "../../contract/shared-errors.js";
import { runtimeError } from "../errors.js";
import { chooseGpu, compareGpus, type GpuNeeds, shownGpu } from "./choose-gpu.js";
import type { GpuFacts } from "./gpu-facts.js";
import { mentionsMemory } from "./memory-failure.js";

/** The reason why CUDA can't run here, with the remedy, in one sentence. */
export interface GpuProblem {
  readonly code: "DEVICE_MISSING" | "DEVICE_UNFIT";
  readonly message: string;
}

/** Reads what these networks need of a driver and a GPU. */
export async function readGpuNeeds(onnxFiles: readonly string[]): Promise<GpuNeeds> {
  return { requirements: await readGpuRequirements(), memoryBytes: await leastMemory(onnxFiles) };
}

/**
 * Checks the driver and the GPU before ONNX Runtime does, because ONNX Runtime reports a problem as a list of C++
 * locations.
 *
 * @throws DEVICE_MISSING, DEVICE_UNFIT
 */
export function requireCuda(facts: GpuFacts, needs: GpuNeeds): void {
  const problem = findGpuProblem(facts, needs);
  if (problem !== null) throw runtimeError(problem.code, problem.message);
}

/** Returns the error for networks that did not load on the GPU, according to the message of ONNX Runtime and CUDA. */
export function cudaLoadError(message: string): ProcessorError {
  const words = cudaWords(message);
  if (mentionsMemory(message))
    return sharedError("OUT_OF_MEMORY", `the GPU has too little memory for the networks: ${words}`);
  if (/driver version is insufficient|no kernel image|unsupported toolchain/i.test(message))
    return runtimeError(
      "DEVICE_UNFIT",
      `the driver or the GPU does not work with this CUDA version: ${words}`,
    );
  return runtimeError("DEVICE_MISSING", `CUDA was requested, but does not load: ${words}`);
}

/**
 * Returns CUDA's own message, without the C++ locations that ONNX Runtime adds to it.
 *
 * @example cudaWords("/src/cuda_call.cc:154 … CUDA failure 2: out of memory ; GPU=0 ; …") // "CUDA failure 2: out of
 *   memory"
 */
export function cudaWords(message: string): string {
  return /\b(?:CUDA|CUDNN|CUDNN_FE|CUBLAS) failure \d+: [^;\n]*[^;\s]/.exec(message)?.[0] ?? message;
}

/** The memory of CUDA's context with cuBLAS and cuDNN, before any network is loaded. */
const contextBytes = 512 * 2 ** 20;

/** Returns the bytes that are needed before the first window. Only the run shows how much more the windows need. */
async function leastMemory(onnxFiles: readonly string[]): Promise<number> {
  const files = onnxFiles.flatMap((file) => [file, file.replace(/\.onnx$/, ".weights")]);
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, contextBytes);
}

/** Returns the free memory of the GPU that runs the networks, or of the fullest if CUDA chooses; null if it is unknown. */
export function freeDeviceMemory(facts: GpuFacts, needs: GpuNeeds): number | null {
  const chosen = chooseGpu(facts, needs);
  if (chosen !== null) return chosen.freeMemoryBytes;
  return facts.gpus === null ? null : Math.min(...facts.gpus.map(({ freeMemoryBytes }) => freeMemoryBytes));
}

/** Reads the requirements of the image that this processor runs in; returns null outside an image. */
async function readGpuRequirements(): Promise<GpuRequirements | null> {
  const file = places.image.gpuRequirements;
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return null;
  return parseChecked(text, gpuRequirements, (reason, cause) =>
    runtimeError("DEVICE_UNFIT", `the image is damaged: ${file} ${reason}`, { cause }),
  );
}

/** Returns the first problem that keeps CUDA from running; null if none is known. */
export function findGpuProblem(facts: GpuFacts, needs: GpuNeeds): GpuProblem | null {
  return missingGpu(facts) ?? hiddenGpus(facts) ?? oldDriver(facts, needs) ?? unfitGpu(facts, needs);
}

function missingGpu({ kernelDriver, hasDriverLibrary, devices, isContainer }: GpuFacts): GpuProblem | null {
  const missing = (message: string): GpuProblem => ({ code: "DEVICE_MISSING", message });
  if (hasDriverLibrary && devices.length > 0) return null;
  if (isContainer && kernelDriver !== null)
    return missing(
      `the host has NVIDIA driver ${kernelDriver}, but this container has no access to a GPU: start it with \`docker run --gpus all\``,
    );
  if (isContainer)
    return missing(
      "this container has no NVIDIA driver (libcuda.so.1 is missing): start it with `docker run --gpus all` on a host with an NVIDIA driver and NVIDIA's container toolkit",
    );
  if (!hasDriverLibrary)
    return missing("this machine has no NVIDIA driver (libcuda.so.1 is missing): install it, or use the CPU");
  return missing("the NVIDIA driver shows no GPU (no /dev/nvidia0): check it with `nvidia-smi`");
}

/** Returns the problem if CUDA_VISIBLE_DEVICES hides every GPU, or if none of them has a part that programs may use. */
function hiddenGpus({ gpus, machine, visibleDevices }: GpuFacts): GpuProblem | null {
  const hidden = (message: string): GpuProblem => ({ code: "DEVICE_MISSING", message });
  if (visibleDevices !== null && /^\s*(?:-.*|NoDevFiles)?\s*$/.test(visibleDevices))
    return hidden(
      `CUDA_VISIBLE_DEVICES is "${visibleDevices}", which hides every GPU: name one, or unset it`,
    );
  if (machine?.length === 0)
    return hidden(
      "every GPU is divided by MIG, but has no part that programs may use: make one with `nvidia-smi mig`",
    );
  if (gpus?.length !== 0 || machine === null) return null;
  const known = machine.map(({ index, id, name }) => `${index} (${name}, ${id})`).join(", ");
  return hidden(
    `CUDA_VISIBLE_DEVICES is "${visibleDevices}", which does not name different GPUs of this machine: it has ${known}`,
  );
}

function oldDriver({ kernelDriver, gpus }: GpuFacts, { requirements }: GpuNeeds): GpuProblem | null {
  const driver = kernelDriver ?? gpus?.[0]?.driver ?? null;
  if (driver === null || requirements === null || isAtLeast(driver, requirements.minimumDriver)) return null;
  return {
    code: "DEVICE_UNFIT",
    message: `NVIDIA driver ${driver} is too old for CUDA ${requirements.cuda}, which needs ${requirements.minimumDriver} or newer: update the driver${olderImage(requirements)}`,
  };
}

/** Returns the problem if the GPU that runs the networks is unsuitable, or all of them if only CUDA knows which it is. */
function unfitGpu(facts: GpuFacts, needs: GpuNeeds): GpuProblem | null {
  const { requirements, memoryBytes } = needs;
  const chosen = chooseGpu(facts, needs);
  const candidates = chosen === null ? (facts.gpus ?? []) : [chosen];
  const [best] = candidates.toSorted((a, b) => compareGpus(b, a, needs));
  if (best === undefined) return null;
  const unfit = (message: string): GpuProblem => ({ code: "DEVICE_UNFIT", message });
  const shown = (facts.machine ?? []).length > 1 ? shownGpu(best) : best.name;
  if (requirements !== null && !runsOn(requirements, best.computeCapability))
    return unfit(
      `${shown} has compute capability ${best.computeCapability}, but this image has code only for ${shownCapabilities(requirements)}: use another GPU${olderImage(requirements)}`,
    );
  const { freeMemoryBytes, memoryBytes: whole } = best;
  if (freeMemoryBytes >= memoryBytes) return null;
  return unfit(
    whole >= memoryBytes
      ? `${shown} has ${gib(freeMemoryBytes)} of its ${gib(whole)} free, but this network needs ${gib(memoryBytes)}: stop the other programs that use this GPU`
      : `${shown} has ${gib(whole)} of memory, but this network needs ${gib(memoryBytes)}: use a larger GPU`,
  );
}

const shownCapabilities = ({ computeCapabilities, ptx }: GpuRequirements): string =>
  `${computeCapabilities.join(", ")}${ptx === null ? "" : " and newer"}`;

const olderImage = ({ cuda }: GpuRequirements): string =>
  cuda.startsWith("12.") ? "" : ", or build the image with `build_processor --cuda 12`";

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

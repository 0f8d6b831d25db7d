import { readFile, stat } from "node:fs/promises";
import type { ProcessorError } from "../../contract/errors.js";
import { type GpuRequirements, isAtLeast, runsOn } from "../../contract/gpu-requirements.js";
import { places } from "../../contract/places.js";
import { sharedError } from "../../contract/shared-errors.js";
import { runtimeError } from "../errors.js";
import type { Gpu, GpuFacts } from "./gpu-facts.js";
import { mentionsMemory } from "./memory-failure.js";

/** Why CUDA can't run here: one sentence, with what to do. */
export interface GpuProblem {
  readonly code: "DEVICE_MISSING" | "DEVICE_UNFIT";
  readonly message: string;
}

export interface GpuNeeds {
  /** Null when nobody knows: an installation of the user's own. */
  readonly requirements: GpuRequirements | null;
  /** The least that is needed; 0 when nothing is known of it. */
  readonly memoryBytes: number;
}

/**
 * Looks at driver and GPU before ONNX Runtime does, whose own words for it are a stack of C++ locations.
 *
 * @throws DEVICE_MISSING, DEVICE_UNFIT
 */
export async function requireCuda(onnxFiles: readonly string[], facts: GpuFacts): Promise<void> {
  const problem = await cudaProblem(onnxFiles, facts);
  if (problem !== null) throw runtimeError(problem.code, problem.message);
}

/** Why CUDA can't run these networks here; null when nothing is known to stand in its way. */
export async function cudaProblem(onnxFiles: readonly string[], facts: GpuFacts): Promise<GpuProblem | null> {
  const requirements = await readGpuRequirements();
  const memoryBytes = await leastMemory(onnxFiles);
  return findGpuProblem(facts, { requirements, memoryBytes });
}

/** What a failure to load networks on the GPU means, by the words of ONNX Runtime and CUDA. */
export function cudaLoadError(message: string): ProcessorError {
  const words = cudaWords(message);
  if (mentionsMemory(message))
    return sharedError("OUT_OF_MEMORY", `the GPU has too little memory for the networks: ${words}`);
  if (/driver version is insufficient|no kernel image|unsupported toolchain/i.test(message))
    return runtimeError("DEVICE_UNFIT", `driver or GPU do not fit this CUDA: ${words}`);
  return runtimeError("DEVICE_MISSING", `CUDA was asked for and does not load: ${words}`);
}

/**
 * What CUDA said, without the C++ locations that ONNX Runtime puts around it.
 *
 * @example cudaWords("/src/cuda_call.cc:154 … CUDA failure 2: out of memory ; GPU=0 ; …") // "CUDA failure 2: out of memory"
 */
export function cudaWords(message: string): string {
  return /\b(?:CUDA|CUDNN|CUDNN_FE|CUBLAS) failure \d+: [^;\n]*[^;\s]/.exec(message)?.[0] ?? message;
}

/** CUDA's context with cuBLAS and cuDNN loaded, before any network. */
const contextBytes = 512 * 2 ** 20;

/** Bytes that are taken before the first window: what windows take on top only the run tells. */
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

/** What the fullest GPU has left, as CUDA may take any of them; null when nobody tells. */
export function freeDeviceMemory({ gpus }: GpuFacts): number | null {
  return gpus === null ? null : Math.min(...gpus.map(({ freeMemoryBytes }) => freeMemoryBytes));
}

/** Of the image that this processor runs in; null outside of one. */
export async function readGpuRequirements(): Promise<GpuRequirements | null> {
  const text = await readFile(places.image.gpuRequirements, "utf8").catch(() => null);
  return text === null ? null : (JSON.parse(text) as GpuRequirements);
}

/** The first thing that stands in CUDA's way; null when nothing is known to. */
export function findGpuProblem(facts: GpuFacts, needs: GpuNeeds): GpuProblem | null {
  return missingGpu(facts) ?? oldDriver(facts, needs) ?? unfitGpu(facts, needs);
}

function missingGpu({ kernelDriver, hasDriverLibrary, devices, isContainer }: GpuFacts): GpuProblem | null {
  const missing = (message: string): GpuProblem => ({ code: "DEVICE_MISSING", message });
  if (hasDriverLibrary && devices.length > 0) return null;
  if (isContainer && kernelDriver !== null)
    return missing(
      `the host has NVIDIA driver ${kernelDriver}, but no GPU was lent to this container: start it with \`docker run --gpus all\``,
    );
  if (isContainer)
    return missing(
      "no NVIDIA driver reaches this container (libcuda.so.1 is missing): start it with `docker run --gpus all` on a host with NVIDIA driver and container toolkit",
    );
  if (!hasDriverLibrary)
    return missing("this machine has no NVIDIA driver (libcuda.so.1 is missing): install it, or use the CPU");
  return missing("the NVIDIA driver shows no GPU (no /dev/nvidia0): check it with `nvidia-smi`");
}

function oldDriver({ kernelDriver, gpus }: GpuFacts, { requirements }: GpuNeeds): GpuProblem | null {
  const driver = kernelDriver ?? gpus?.[0]?.driver ?? null;
  if (driver === null || requirements === null || isAtLeast(driver, requirements.minimumDriver)) return null;
  return {
    code: "DEVICE_UNFIT",
    message: `NVIDIA driver ${driver} is too old for CUDA ${requirements.cuda}, which needs ${requirements.minimumDriver} or newer: update the driver${olderImage(requirements)}`,
  };
}

/** With several GPUs one that fits is enough: CUDA takes the fastest first. */
function unfitGpu({ gpus }: GpuFacts, { requirements, memoryBytes }: GpuNeeds): GpuProblem | null {
  if (gpus === null) return null;
  const unfit = (message: string): GpuProblem => ({ code: "DEVICE_UNFIT", message });
  const able = gpus.filter(
    ({ computeCapability }) => requirements === null || runsOn(requirements, computeCapability),
  );
  const [first] = gpus;
  if (able.length === 0 && first !== undefined && requirements !== null)
    return unfit(
      `${first.name} has compute capability ${first.computeCapability}; this image holds code for ${shownCapabilities(requirements)}: use another GPU${olderImage(requirements)}`,
    );
  const roomiest = able.reduce<Gpu | undefined>(
    (best, gpu) => (best === undefined || gpu.freeMemoryBytes > best.freeMemoryBytes ? gpu : best),
    undefined,
  );
  if (roomiest === undefined || roomiest.freeMemoryBytes >= memoryBytes) return null;
  const { name, freeMemoryBytes, memoryBytes: whole } = roomiest;
  return unfit(
    whole >= memoryBytes
      ? `${name} has ${gib(freeMemoryBytes)} of its ${gib(whole)} free and this network needs ${gib(memoryBytes)}: end what else runs on it`
      : `${name} has ${gib(whole)} of memory and this network needs ${gib(memoryBytes)}: use a larger GPU`,
  );
}

const shownCapabilities = ({ computeCapabilities, ptx }: GpuRequirements): string =>
  `${computeCapabilities.join(", ")}${ptx === null ? "" : " and newer"}`;

const olderImage = ({ cuda }: GpuRequirements): string =>
  cuda.startsWith("12.") ? "" : ", or build the image with `build_processor --cuda 12`";

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

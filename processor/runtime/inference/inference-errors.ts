import type { ProcessorError } from "../../contract/errors.js";
import { sharedError } from "../../contract/shared-errors.js";
import { runtimeError } from "../errors.js";
import { cudaWords } from "./cuda-check.js";
import { mentionsMemory } from "./memory-failure.js";
import type { FromInferenceWorker } from "./worker-messages.js";

/**
 * Returns the error for a network that does not load on the CPU, without the C++ locations at the start of ONNX
 * Runtime's message.
 */
export function loadError(folder: string, message: string): ProcessorError {
  const words = message.replace(/^.*\.cc:\d+ (?:\w+ )?/s, "").trim();
  return runtimeError(
    "INFERENCE_FAILED",
    `${folder}: the network does not load, because one of its files is missing, damaged or cut off: ${words}`,
  );
}

/** Returns the error for an inference thread that ended. */
export function threadError(error: Error & { readonly code?: string }): Error {
  return error.code === "ERR_WORKER_OUT_OF_MEMORY" || mentionsMemory(error.message)
    ? outOfMemory(error.message, error)
    : error;
}

export interface FailedRun {
  readonly patchSize: readonly number[];
  readonly executionProvider: string;
}

/** Returns the error for a case whose prediction failed. */
export function runError(
  { reason, message }: Extract<FromInferenceWorker, { type: "failed" }>,
  { patchSize, executionProvider }: FailedRun,
): Error {
  if (reason === "memory") {
    const window = `one window of ${patchSize.join(" × ")} voxels: ${cudaWords(message)}`;
    return sharedError(
      "OUT_OF_MEMORY",
      executionProvider.startsWith("CUDA")
        ? `the GPU's memory is too small for ${window}; use a larger GPU, or --device cpu`
        : `memory is too small for ${window}`,
    );
  }
  if (reason === "run" && mentionsMemory(message)) return outOfMemory(message);
  return runtimeError("INFERENCE_FAILED", message);
}

const outOfMemory = (words: string, cause?: Error) =>
  sharedError("OUT_OF_MEMORY", `the network ran out of memory: ${words}`, { cause });

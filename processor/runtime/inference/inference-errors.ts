import type { ProcessorError } from "../../contract/errors.js";
import { sharedError } from "../../contract/shared-errors.js";
import { runtimeError } from "../errors.js";
import { cudaWords } from "./cuda-check.js";
import { mentionsMemory } from "./memory-failure.js";
import type { FromInferenceWorker } from "./worker-messages.js";

/** A network that does not load on the CPU. ONNX Runtime puts C++ locations before what it means. */
export function loadError(folder: string, message: string): ProcessorError {
  const words = message.replace(/^.*\.cc:\d+ (?:\w+ )?/s, "").trim();
  return runtimeError(
    "INFERENCE_FAILED",
    `${folder}: the network does not load, because a file of it is missing, damaged or cut off: ${words}`,
  );
}

/** The inference thread ended. */
export function threadError(error: Error & { readonly code?: string }): Error {
  return error.code === "ERR_WORKER_OUT_OF_MEMORY" || mentionsMemory(error.message)
    ? outOfMemory(error.message, error)
    : error;
}

export interface FailedRun {
  readonly patchSize: readonly number[];
  readonly executionProvider: string;
}

/** A case that the network did not come through. */
export function runError(
  { reason, message }: Extract<FromInferenceWorker, { type: "failed" }>,
  { patchSize, executionProvider }: FailedRun,
): Error {
  if (reason === "memory") {
    const window = `one window of ${patchSize.join(" × ")} voxels: ${cudaWords(message)}`;
    return sharedError(
      "OUT_OF_MEMORY",
      executionProvider.startsWith("CUDA")
        ? `the GPU's memory does not hold ${window}; use a larger GPU, or --device cpu`
        : `memory does not hold ${window}`,
    );
  }
  if (reason === "run" && mentionsMemory(message)) return outOfMemory(message);
  return runtimeError("INFERENCE_FAILED", message);
}

const outOfMemory = (words: string, cause?: Error) =>
  sharedError("OUT_OF_MEMORY", `the network ran out of memory: ${words}`, { cause });

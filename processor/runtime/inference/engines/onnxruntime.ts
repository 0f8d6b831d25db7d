import { mostDeviceWindows } from "../windows-per-run.js";
import type { OnnxRuntimeOrder } from "./engine-messages.js";
import type { InferenceEngine } from "./inference-engine.js";
import { ProcessEngine } from "./process-engine.js";
import { patchVoxels } from "./window-memory.js";

export type OnnxRuntimeOptions = Omit<OnnxRuntimeOrder, "engine">;

/** The number of 2-D windows that go together on a CPU, which gains nothing from several 3-D windows. */
const flatWindowsPerRun = 8;

/** Returns ONNX Runtime with the folds of one model, on the CPU or on a GPU. */
export function onnxRuntimeEngine(options: OnnxRuntimeOptions): InferenceEngine {
  const { window, gpuNetworks, device } = options;
  const windowsPerRun = window.patchSize.length === 2 ? flatWindowsPerRun : 1;
  return new ProcessEngine({
    order: { ...options, engine: "onnxruntime" },
    program: "ONNX Runtime",
    windowsPerRun,
    // Only memory that is used counts, so there may be room for more.
    mostWindows: Math.max(windowsPerRun, mostDeviceWindows(patchVoxels(window))),
    holdsAllFolds: true,
    averagedFolds: gpuNetworks === null ? null : gpuNetworks.folds,
    // A GPU keeps memory for later runs, and a run that was too large may have fragmented it.
    restartsForMemory: device === "cuda",
  });
}

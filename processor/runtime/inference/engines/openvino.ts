import type { OpenvinoOrder } from "./engine-messages.js";
import type { InferenceEngine } from "./inference-engine.js";
import { ProcessEngine } from "./process-engine.js";
import { patchVoxels } from "./window-memory.js";

/** The network of each fold in the form for OpenVINO. */
export type OpenvinoOptions = Omit<OpenvinoOrder, "engine">;

/** A run of this many voxels or more keeps all cores busy. */
const busyVoxels = 500_000;
/** More windows at once take memory and save no time. */
const mostWindowsPerRun = 8;

/**
 * Returns OpenVINO with the folds of one model.
 *
 * @throws Error if memory cannot be shared with its process
 */
export function openvinoEngine(options: OpenvinoOptions): InferenceEngine {
  const fitting = Math.floor(busyVoxels / patchVoxels(options.window));
  const windowsPerRun = Math.max(1, Math.min(mostWindowsPerRun, fitting));
  return new ProcessEngine({
    order: { ...options, engine: "openvino" },
    program: "OpenVINO",
    windowsPerRun,
    mostWindows: windowsPerRun,
    holdsAllFolds: options.holdsAllFolds,
    averagedFolds: null,
    restartsForMemory: true,
  });
}

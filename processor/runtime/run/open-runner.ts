import { checkExportMode } from "../../contract/check-export-mode.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import { type Hooks, loadHooks, noHooks } from "../hooks/hooks.js";
import { openNetworkSet } from "../inference/network-set.js";
import type { LoadedModel } from "../model/load-model.js";
import { checkOutputs, type Existing } from "../outputs/check-outputs.js";
import { openPool } from "../threads/open-pool.js";
import { availableBytes } from "./memory-limit.js";
import type { RunModelOptions } from "./predict-cases.js";
import { runCases } from "./run-cases.js";

export interface RunnerOptions extends Omit<RunModelOptions, "existing" | "signal"> {
  /** What a target adds to the user's own hooks. */
  readonly adaptHooks?: (hooks: Hooks) => Hooks;
}

/** A model whose networks are loaded, for cases that come one after the other. */
export interface Runner {
  /** The ONNX Runtime execution provider that runs the networks. */
  readonly executionProvider: string;
  /** One call at a time. A failed case is in the report; a stop rejects with the signal's reason. */
  segment(requests: readonly CaseRequest[], run: RunOptions): Promise<readonly CaseReport[]>;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly existing: Existing;
  readonly signal?: AbortSignal;
}

/** @throws HOOK_INVALID, DEVICE_MISSING, PRECISION_UNFIT, INFERENCE_FAILED, OUT_OF_MEMORY, EXPORT_MODE_UNFIT */
export async function openRunner(loaded: LoadedModel, options: RunnerOptions): Promise<Runner> {
  const { hookModule, adaptHooks = (hooks) => hooks, device, precision, exportMode, progress } = options;
  const { manifest, model, members } = loaded;
  checkExportMode(exportMode, manifest.models, { savesProbabilities: false });
  const hooks = adaptHooks(hookModule === null ? noHooks : await loadHooks(hookModule));
  const networks = await openNetworkSet({ members, device, precision, availableBytes: availableBytes() });
  const { executionProvider, isHalfPrecision } = networks;
  progress.note(`the network runs on ${executionProvider}${isHalfPrecision ? ", in float16" : ""}`);
  const pool = openPool();
  return {
    executionProvider,
    async segment(requests, { existing, signal }) {
      const savesProbabilities = requests.some(({ probabilitiesFile }) => probabilitiesFile !== null);
      checkExportMode(exportMode, manifest.models, { savesProbabilities });
      await checkOutputs(requests, existing);
      const context = {
        ...{ model, members, networks, pool, hooks, progress, exportMode, stepSize: options.stepSize },
        useTestTimeAugmentation: options.useTta,
        postProcessing: options.skipsPostProcessing ? [] : manifest.postProcessing,
        ...(signal === undefined ? {} : { signal }),
      };
      return runCases(requests, context, existing);
    },
    close: async () => void (await Promise.all([networks.close(), pool.close()])),
  };
}

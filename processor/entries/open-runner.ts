import type { CaseReport, CaseRequest } from "../case.js";
import { checkOutputs, type Existing } from "../check-outputs.js";
import { type Hooks, loadHooks, noHooks } from "../hooks/hooks.js";
import { openNetworkSet } from "../inference/network-set.js";
import { availableBytes } from "../memory-limit.js";
import { type LoadedModel, loadModel } from "../model/load-model.js";
import type { RuntimeSettings } from "../model/manifest.js";
import { createWorkerPool } from "../parallel/worker-pool.js";
import type { Progress } from "../progress/progress.js";
import { runCases } from "../run-cases.js";

export interface RunnerOptions {
  readonly modelDir: string;
  readonly folds: readonly string[] | null;
  readonly settings: RuntimeSettings;
  /** A bundled module with the user's hooks; null for none. */
  readonly hookModule: string | null;
  /** What a target adds to the user's own hooks. */
  readonly adaptHooks?: (hooks: Hooks) => Hooks;
  readonly progress: Progress;
}

/** The model, loaded once, for cases that come one after the other. */
export interface Runner {
  readonly loaded: LoadedModel;
  /** One call at a time. A failed case is in the report; `signal` stops it and rejects with its reason. */
  segment(
    requests: readonly CaseRequest[],
    existing: Existing,
    signal: AbortSignal,
  ): Promise<readonly CaseReport[]>;
  close(): Promise<void>;
}

/**
 * Loads model, hooks and networks.
 *
 * @throws MODEL_NOT_FOUND, MANIFEST_INVALID, FOLD_MISSING, HOOK_INVALID, DEVICE_MISSING, INFERENCE_FAILED, OUT_OF_MEMORY
 */
export async function openRunner(options: RunnerOptions): Promise<Runner> {
  const { settings, progress, adaptHooks = (hooks) => hooks } = options;
  const loaded = await loadModel(options.modelDir, options.folds);
  const hooks = adaptHooks(options.hookModule === null ? noHooks : await loadHooks(options.hookModule));
  const networks = await openNetworkSet({
    members: loaded.members,
    device: settings.device,
    availableBytes: availableBytes(),
  });
  progress.note(`the network runs on ${networks.executionProvider}`);
  const pool = createWorkerPool();
  return {
    loaded,
    async segment(requests, existing, signal) {
      await checkOutputs(requests, existing);
      const context = {
        ...{ model: loaded.model, members: loaded.members, networks, pool, hooks, progress, signal },
        ...{ stepSize: settings.stepSize, exportMode: settings.exportMode },
        useTestTimeAugmentation: settings.useTestTimeAugmentation,
        postProcessing: loaded.manifest.postProcessing,
      };
      return runCases(requests, context, existing);
    },
    close: async () => void (await Promise.all([networks.close(), pool.close()])),
  };
}

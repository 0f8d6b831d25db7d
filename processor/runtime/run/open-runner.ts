import { answerLabels } from "../../contract/answer-labels.js";
import { type EventListener, runNote } from "../../contract/progress/run-event.js";
import type { RunSettings } from "../../contract/run-settings.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import { type Hooks, loadHooks, noHooks } from "../hooks/hooks.js";
import { openNetworkSet } from "../inference/network-set.js";
import type { LoadedModel } from "../model/load-model.js";
import type { Existing } from "../outputs/check-outputs.js";
import { openPool } from "../threads/open-pool.js";
import { refuseTaskOptions, runWithOptions } from "../totalsegmentator/run-options.js";
import { availableBytes } from "./memory-limit.js";
import { runCases } from "./run-cases.js";

export interface RunnerOptions {
  readonly settings: RunSettings;
  /** The GPU that runs the networks, by a name for CUDA_VISIBLE_DEVICES; absent or null to choose one. */
  readonly gpu?: string | null;
  /** A bundled module with the user's hooks; null for none. */
  readonly hookModule: string | null;
  /** Adds a target's own hooks to those of the user; null if the target has none. */
  readonly adaptHooks: ((hooks: Hooks) => Hooks) | null;
  readonly onEvent: EventListener;
}

/** A model whose networks are loaded, for cases that arrive one after the other. */
export interface Runner {
  /** What runs the networks, such as `CPUExecutionProvider` or `OpenVINO CPU`. */
  readonly executionProvider: string;
  /** The program that computes the networks, with its version. */
  readonly inferenceEngine: string;
  /**
   * Segments requests that `checkExportMode` and `checkOutputs` have accepted, one call at a time. A failed case
   * appears in the report; a stop rejects with the signal's reason.
   */
  segment(requests: readonly CaseRequest[], run: RunOptions): Promise<readonly CaseReport[]>;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly existing: Existing;
  readonly signal: AbortSignal;
  /** The settings of these cases, on the device and in the precision of the runner; absent for the runner's own. */
  readonly settings?: RunSettings;
}

/**
 * Loads the hooks and the networks of a model.
 *
 * @throws HOOK_INVALID, DEVICE_MISSING, PRECISION_UNFIT, INFERENCE_FAILED, OUT_OF_MEMORY
 */
export async function openRunner(loaded: LoadedModel, options: RunnerOptions): Promise<Runner> {
  const { settings, hookModule, adaptHooks, onEvent } = options;
  const { device, precision, inferenceEngine, threads } = settings;
  const task = loaded.manifest.totalsegmentator;
  if (task === null) refuseTaskOptions(settings);
  else runWithOptions(task, settings);
  const ownHooks = hookModule === null ? noHooks : await loadHooks(hookModule);
  const hooks = adaptHooks === null ? ownHooks : adaptHooks(ownHooks);
  const networks = await openNetworkSet({
    members: loaded.members,
    device,
    gpu: options.gpu ?? null,
    precision,
    inferenceEngine,
    threads,
    availableBytes: availableBytes(),
    // A task's networks run once for each case, so that one computes while the next one is loaded.
    mostOpen: task === null ? null : 2,
  });
  const { executionProvider, program, isHalfPrecision, engineNote } = networks;
  const format = isHalfPrecision ? "float16" : precision === "bfloat16" ? precision : null;
  onEvent(
    runNote(
      "device",
      `the network runs on ${executionProvider} (${program})${format === null ? "" : `, in ${format}`}`,
    ),
  );
  if (engineNote !== null) onEvent(runNote("device", engineNote));
  const pool = openPool();
  const model = { ...loaded.model, labels: answerLabels(loaded.manifest, settings) };
  const opened = { ...loaded, model, networks };
  return {
    executionProvider,
    inferenceEngine: program,
    segment: (requests, { existing, signal, settings: ofRun = settings }) =>
      runCases(requests, { opened, settings: ofRun, tools: { pool, hooks, onEvent, signal } }, existing),
    close: async () => void (await Promise.all([networks.close(), pool.close()])),
  };
}

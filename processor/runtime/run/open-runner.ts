import { answerLabels } from "../../contract/answer-labels.js";
import { type EventListener, runNote } from "../../contract/progress/run-event.js";
import type { RunSettings } from "../../contract/run-settings.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import { type Hooks, loadHooks, noHooks } from "../hooks/hooks.js";
import { type NetworkFacts, openNetworkSet } from "../inference/network-set.js";
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

/** What runs the networks of a model. */
export interface RunnerFacts {
  /** An execution provider or plug-in, such as `CPUExecutionProvider` or `OpenVINO CPU`. */
  readonly executionProvider: string;
  /** The program that computes the networks, with its version. */
  readonly inferenceEngine: string;
  /** The reason why this program computes, such as a network that OpenVINO refuses; null if none need be given. */
  readonly engineNote: string | null;
}

/** A model whose networks are being loaded. */
export interface StartedRunner {
  /**
   * Resolves when the networks are loaded.
   *
   * @throws DEVICE_MISSING, PRECISION_UNFIT, INFERENCE_ENGINE_UNFIT, INFERENCE_FAILED, OUT_OF_MEMORY
   */
  readonly opened: Promise<RunnerFacts>;
  /**
   * Segments requests that `checkExportMode` and `checkOutputs` have accepted, one call at a time. A failed case
   * appears in the report; a stop rejects with the signal's reason, and networks that do not load with their error.
   */
  segment(requests: readonly CaseRequest[], run: RunOptions): Promise<readonly CaseReport[]>;
  close(): Promise<void>;
}

/** A model whose networks are loaded, for cases that arrive one after the other. */
export interface Runner extends RunnerFacts, Pick<StartedRunner, "segment" | "close"> {}

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
  const { opened, segment, close } = await startRunner(loaded, options);
  try {
    return { ...(await opened), segment, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Loads the hooks of a model, and begins to load its networks.
 *
 * @throws HOOK_INVALID
 */
export async function startRunner(loaded: LoadedModel, options: RunnerOptions): Promise<StartedRunner> {
  const { settings, hookModule, adaptHooks, onEvent } = options;
  const { device, precision, inferenceEngine, threads } = settings;
  const task = loaded.manifest.totalsegmentator;
  if (task === null) refuseTaskOptions(settings);
  else runWithOptions(task, settings);
  const ownHooks = hookModule === null ? noHooks : await loadHooks(hookModule);
  const hooks = adaptHooks === null ? ownHooks : adaptHooks(ownHooks);
  const networks = openNetworkSet({
    members: loaded.members,
    device,
    gpu: options.gpu ?? null,
    precision,
    inferenceEngine,
    threads,
    availableBytes: availableBytes(),
    // A task's networks run once for each case: one computes, and the next one may be loaded.
    mostOpen: task === null ? null : 2,
  });
  const opened = networks.opened.then((facts) => {
    for (const line of factLines(facts, precision)) onEvent(runNote("device", line));
    return {
      executionProvider: facts.executionProvider,
      inferenceEngine: facts.program,
      engineNote: facts.engineNote,
    };
  });
  opened.catch(() => {}); // each caller reports it
  const pool = openPool();
  const model = { ...loaded.model, labels: answerLabels(loaded.manifest, settings) };
  const context = { opened: { ...loaded, model, networks } };
  return {
    opened,
    segment: (requests, { existing, signal, settings: ofRun = settings }) =>
      runCases(requests, { ...context, settings: ofRun, tools: { pool, hooks, onEvent, signal } }, existing),
    close: async () => void (await Promise.all([networks.close(), pool.close()])),
  };
}

/** Returns lines for the log that name what runs the networks, and why. */
function factLines(
  { executionProvider, program, isHalfPrecision, engineNote }: NetworkFacts,
  precision: RunSettings["precision"],
): readonly string[] {
  const format = isHalfPrecision ? "float16" : precision === "bfloat16" ? precision : null;
  const line = `the network runs on ${executionProvider} (${program})${format === null ? "" : `, in ${format}`}`;
  return engineNote === null ? [line] : [line, engineNote];
}

import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { CaseReport, CaseRequest } from "./case.js";
import { checkOutputs, type Existing } from "./check-outputs.js";
import { type FoundCase, findCases } from "./entries/find-cases.js";
import { ProcessorError } from "./errors.js";
import { loadHooks, noHooks } from "./hooks/hooks.js";
import { supportedEndings } from "./image-io/image-ending.js";
import { openNetworks } from "./inference/networks.js";
import { type LoadedModel, loadModel } from "./model/load-model.js";
import type { Device } from "./model/manifest.js";
import { createWorkerPool } from "./parallel/worker-pool.js";
import type { Progress } from "./progress/progress.js";
import { runCases } from "./run-cases.js";

export interface PredictCasesOptions {
  /** A converted folder. */
  readonly modelDir: string;
  /** Folders or files. */
  readonly inputs: readonly string[];
  readonly outputDir: string;
  /** null for all that the folder has. */
  readonly folds: readonly string[] | null;
  readonly useTta: boolean;
  readonly stepSize: number;
  readonly saveProbabilities: boolean;
  /** Holds `<case><ending>` of a cascade's earlier stage. */
  readonly prevStageDir: string | null;
  readonly device: Device;
  readonly existing: Existing;
  /** A bundled module with the user's hooks. */
  readonly hookModule: string | null;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface RunReport {
  readonly cases: readonly CaseReport[];
  readonly executionProvider: string;
}

/** `nnUNetv2_predict` for a folder or some files: groups them into cases and segments them. */
export async function predictCases(options: PredictCasesOptions): Promise<RunReport> {
  const loaded = await loadModel(options.modelDir, options.folds);
  const { cases, leftOver } = await findCases({
    inputs: options.inputs,
    channelNames: loaded.model.channelNames,
    preferredEnding: loaded.model.plan.fileEnding,
  });
  for (const file of leftOver) options.progress.note(`${file} belongs to no case and is left out`);
  const requests: CaseRequest[] = [];
  for (const found of cases) requests.push(await requestOf(found, loaded, options));
  return runModel(loaded, requests, options);
}

export interface RunModelOptions
  extends Pick<
    PredictCasesOptions,
    "useTta" | "stepSize" | "device" | "existing" | "hookModule" | "progress" | "signal"
  > {}

/**
 * Loads the networks, segments the cases, frees the threads.
 *
 * @throws before any work: INPUT_AMBIGUOUS, OUTPUT_EXISTS, OUTPUT_UNWRITABLE, HOOK_INVALID, DEVICE_MISSING
 */
export async function runModel(
  loaded: LoadedModel,
  requests: readonly CaseRequest[],
  options: RunModelOptions,
): Promise<RunReport> {
  await checkOutputs(requests, options.existing);
  const hooks = options.hookModule === null ? noHooks : await loadHooks(options.hookModule);
  const pool = createWorkerPool();
  const networks = await openNetworks({
    onnxFiles: loaded.folds.map(({ onnxFile }) => onnxFile),
    device: options.device,
  });
  try {
    const cases = await runCases(
      requests,
      {
        ...{ model: loaded.model, networks, pool, hooks },
        ...{
          stepSize: options.stepSize,
          useTestTimeAugmentation: options.useTta,
          progress: options.progress,
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      options.existing,
    );
    return { cases, executionProvider: networks.executionProvider };
  } finally {
    await Promise.all([networks.close(), pool.close()]);
  }
}

async function requestOf(
  found: FoundCase,
  { model }: LoadedModel,
  options: PredictCasesOptions,
): Promise<CaseRequest> {
  const { name, channelFiles } = found;
  // MetaImage results are one file; `.mhd` would need two.
  const ending = found.ending.toLowerCase() === ".mhd" ? ".mha" : found.ending;
  return {
    ...{ name, channelFiles },
    outputFile: join(options.outputDir, `${name}${ending}`),
    probabilitiesFile: options.saveProbabilities ? join(options.outputDir, `${name}.npz`) : null,
    previousStageFile:
      model.previousStage === null
        ? null
        : await previousStageFile(name, model.previousStage.configuration, options),
  };
}

/** Null when there is none for this case, which is reported when its turn comes. */
async function previousStageFile(
  name: string,
  configuration: string,
  { prevStageDir }: PredictCasesOptions,
): Promise<string | null> {
  if (prevStageDir === null) {
    throw new ProcessorError(
      "PREVIOUS_STAGE_MISSING",
      `the model continues ${configuration}, whose segmentations were not given`,
    );
  }
  for (const ending of supportedEndings) {
    const file = join(prevStageDir, `${name}${ending}`);
    if ((await stat(file).catch(() => null)) !== null) return file;
  }
  return null;
}

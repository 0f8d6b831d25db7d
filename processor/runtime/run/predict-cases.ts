import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkExportMode } from "../../contract/check-export-mode.js";
import type { Device, ExportMode, Precision } from "../../contract/manifest.js";
import type { Progress } from "../../contract/progress/progress.js";
import { oneFileEnding, supportedEndings } from "../../imaging/formats/image-ending.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import { type FoundCase, findCases } from "../cases/find-cases.js";
import { type LeftOutFile, leftOutLines } from "../cases/left-out.js";
import { runtimeError } from "../errors.js";
import { type LoadedModel, loadModel } from "../model/load-model.js";
import { checkOutputs, type Existing } from "../outputs/check-outputs.js";
import { writeModelFiles } from "../outputs/model-files.js";
import { openRunner } from "./open-runner.js";

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
  readonly exportMode: ExportMode;
  /** Whether the model's own post-processing is left out. */
  readonly skipsPostProcessing: boolean;
  readonly saveProbabilities: boolean;
  /** Holds `<case><ending>` of a cascade's earlier stage. */
  readonly prevStageDir: string | null;
  readonly device: Device;
  readonly precision: Precision;
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

/** What happened to everything that `--input` names. */
export interface PredictionReport extends RunReport {
  /** Everything in the input folders that belongs to no case. */
  readonly leftOut: readonly LeftOutFile[];
}

/** `nnUNetv2_predict` for a folder or some files: groups them into cases and segments them. */
export async function predictCases(options: PredictCasesOptions): Promise<PredictionReport> {
  const loaded = await loadModel(options.modelDir, options.folds);
  const { cases, leftOut } = await findCases({
    inputs: options.inputs,
    channelNames: loaded.model.channelNames,
    preferredEnding: loaded.model.plan.fileEnding,
  });
  for (const line of leftOutLines(leftOut)) options.progress.note(line);
  const requests: CaseRequest[] = [];
  for (const found of cases) requests.push(await requestOf(found, loaded, options));
  return { ...(await runModel(loaded, requests, options)), leftOut };
}

export interface RunModelOptions
  extends Pick<
    PredictCasesOptions,
    | "useTta"
    | "stepSize"
    | "exportMode"
    | "skipsPostProcessing"
    | "device"
    | "precision"
    | "existing"
    | "hookModule"
    | "progress"
    | "signal"
  > {}

/**
 * Loads the networks, segments the cases, frees the threads.
 *
 * @throws before any work: INPUT_AMBIGUOUS, OUTPUT_EXISTS, OUTPUT_UNWRITABLE, HOOK_INVALID, DEVICE_MISSING, EXPORT_MODE_UNFIT
 */
export async function runModel(
  loaded: LoadedModel,
  requests: readonly CaseRequest[],
  options: RunModelOptions,
): Promise<RunReport> {
  const folders = new Set(
    requests.flatMap(({ probabilitiesFile }) =>
      probabilitiesFile === null ? [] : [dirname(probabilitiesFile)],
    ),
  );
  checkExportMode(options.exportMode, loaded.manifest.models, { savesProbabilities: folders.size > 0 });
  await checkOutputs(requests, options.existing);
  for (const folder of folders) await writeModelFiles(loaded, { folder, ...options });
  const runner = await openRunner(loaded, options);
  try {
    const { existing, signal } = options;
    const cases = await runner.segment(requests, { existing, ...(signal === undefined ? {} : { signal }) });
    return { cases, executionProvider: runner.executionProvider };
  } finally {
    await runner.close();
  }
}

async function requestOf(
  found: FoundCase,
  loaded: LoadedModel,
  options: PredictCasesOptions,
): Promise<CaseRequest> {
  const { name, channelFiles } = found;
  const ending = oneFileEnding(found.ending);
  return {
    ...{ name, channelFiles },
    outputFile: join(options.outputDir, `${name}${ending}`),
    probabilitiesFile: options.saveProbabilities ? join(options.outputDir, `${name}.npz`) : null,
    previousStageFile: await previousStageFile(name, loaded, options),
  };
}

/** Null when no model needs one, and when there is none for this case, which is reported when its turn comes. */
async function previousStageFile(
  name: string,
  { members }: LoadedModel,
  { prevStageDir }: PredictCasesOptions,
): Promise<string | null> {
  const waiting = members.find(
    ({ model, previousStage }) => model.previousStage !== null && previousStage === null,
  );
  if (waiting === undefined) return null;
  if (prevStageDir === null) {
    throw runtimeError(
      "PREVIOUS_STAGE_MISSING",
      `the model continues ${waiting.model.previousStage!.configuration}, whose segmentations were not given`,
    );
  }
  for (const ending of supportedEndings) {
    const file = join(prevStageDir, `${name}${ending}`);
    if ((await stat(file).catch(() => null)) !== null) return file;
  }
  return null;
}

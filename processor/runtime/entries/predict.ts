import { type EventListener, runNote } from "../../contract/progress/run-event.js";
import type { ImageSettings } from "../../contract/run-settings.js";
import { sharedError } from "../../contract/shared-errors.js";
import { oneFileEnding } from "../../imaging/formats/image-ending.js";
import { type CaseRequest, type FoundCase, placeOf } from "../cases/case.js";
import { caseRequest, resultStem } from "../cases/case-request.js";
import { type FoundCases, findCases, mayHoldAllChannels } from "../cases/find-cases.js";
import { findPreparedCases } from "../cases/find-prepared-cases.js";
import { findSegmentation } from "../cases/find-segmentation.js";
import { type LeftOutFile, leftOutLines } from "../cases/left-out.js";
import { refinementOf } from "../cases/refinement-wishes.js";
import { runtimeError } from "../errors.js";
import {
  type LoadedModel,
  loadModel,
  memberWithoutEarlierStage,
  withoutPostProcessing,
} from "../model/load-model.js";
import type { Existing } from "../outputs/check-outputs.js";
import { dicomResultsOf, notesFor, withDicomResults } from "../outputs/dicom-results.js";
import { type RunReport, runModel } from "../run/run-model.js";
import { type CaseExtras, checkExtras, extraOutputs } from "./case-extras.js";

export interface PredictCasesOptions {
  /** A converted folder. */
  readonly modelDir: string;
  /** Folders or files. */
  readonly inputs: readonly string[];
  readonly outputDir: string;
  /** null for all that the folder has. */
  readonly folds: readonly string[] | null;
  readonly settings: ImageSettings;
  /** True if the model's own post-processing is left out. */
  readonly skipsPostProcessing: boolean;
  readonly saveProbabilities: boolean;
  /** Holds `<case><ending>` of a cascade's earlier stage. */
  readonly prevStageDir: string | null;
  readonly extras: CaseExtras;
  readonly existing: Existing;
  /** A bundled module with the user's hooks. */
  readonly hookModule: string | null;
  readonly onEvent: EventListener;
  readonly signal: AbortSignal;
  /** Segments the cases in another way than in this process; absent to do it here. */
  readonly run?: RunCases;
}

/** Segments the cases that were found. */
export type RunCases = (
  loaded: LoadedModel,
  requests: readonly CaseRequest[],
  options: PredictCasesOptions,
) => Promise<RunReport>;

/** What happened to everything that `--input` names. */
export interface PredictionReport extends RunReport {
  /** Everything in the input folders that belongs to no case. */
  readonly leftOut: readonly LeftOutFile[];
}

/** Does what `nnUNetv2_predict` does for a folder or some files: groups them into cases and segments them. */
export async function predictCases(options: PredictCasesOptions): Promise<PredictionReport> {
  checkExtras(options.extras, {
    exportMode: options.settings.exportMode,
    savesProbabilities: options.saveProbabilities,
  });
  const whole = await loadModel(options.modelDir, options.folds);
  const loaded = options.skipsPostProcessing ? withoutPostProcessing(whole) : whole;
  const { cases, leftOut } = await casesOf(loaded, options);
  const image = cases.flatMap(({ inputs }) => inputs).find(({ kind }) => kind !== "dicom");
  if (options.extras.requiresDicom && image !== undefined)
    throw sharedError("USAGE", `--is_dicom needs DICOM input, but ${placeOf(image)} is not DICOM`);
  for (const line of leftOutLines(leftOut)) options.onEvent(runNote("left-out", line));
  const previousStageDir = previousStageFolder(loaded, options);
  const requests: CaseRequest[] = [];
  for (const found of cases) requests.push(await requestOf(found, { previousStageDir, loaded }, options));
  const results = await dicomResultsOf(loaded.manifest, options.settings, options.extras);
  for (const line of notesFor(requests, results)) options.onEvent(runNote("dicom-metadata", line));
  const complete = requests.map((request) => withDicomResults(request, results));
  const { run = runModel } = options;
  return { ...(await run(loaded, complete, options)), leftOut };
}

/** Finds images or, for a model of NVIDIA's nnU-Net, cases that NVIDIA's preprocessing wrote. */
async function casesOf(
  { model: { channelNames, plan } }: LoadedModel,
  { inputs }: PredictCasesOptions,
): Promise<FoundCases> {
  const prepared = plan.nvidia === undefined ? [] : await findPreparedCases(inputs);
  if (prepared.length > 0) return { cases: prepared, leftOut: [] };
  return findCases({
    inputs,
    channelNames,
    preferredEnding: plan.fileEnding,
    mayHoldAllChannels: mayHoldAllChannels(plan),
  });
}

/** Returns null when no model continues a segmentation from outside. */
function previousStageFolder(loaded: LoadedModel, { prevStageDir }: PredictCasesOptions): string | null {
  const waiting = memberWithoutEarlierStage(loaded);
  if (waiting === null) return null;
  if (prevStageDir !== null) return prevStageDir;
  throw runtimeError(
    "PREVIOUS_STAGE_MISSING",
    `the model continues ${waiting.model.previousStage!.configuration}, whose segmentations were not given`,
  );
}

async function requestOf(
  found: FoundCase,
  { previousStageDir, loaded }: { readonly previousStageDir: string | null; readonly loaded: LoadedModel },
  { outputDir, saveProbabilities, extras }: PredictCasesOptions,
): Promise<CaseRequest> {
  const request = caseRequest(found, {
    folder: outputDir,
    ending: oneFileEnding(found.ending),
    savesProbabilities: saveProbabilities,
    nvidiaOutputs: loaded.model.plan.nvidia?.outputs ?? null,
    previousStage: previousStageDir === null ? null : await findSegmentation(found.name, previousStageDir),
    suffix: extras.suffix,
  });
  const stem = resultStem(found.name, extras.suffix);
  return {
    ...request,
    refinement: await refinementOf(extras.refinement, found.name),
    outputs: [...request.outputs, ...extraOutputs(found, extras, { folder: outputDir, stem })],
  };
}

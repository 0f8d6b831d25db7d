import { dirname, join, resolve } from "node:path";
import { checkExportMode } from "../../contract/check-export-mode.js";
import { type EventListener, runNote } from "../../contract/progress/run-event.js";
import type { ImageSettings } from "../../contract/run-settings.js";
import { splitImageEnding } from "../../imaging/formats/image-ending.js";
import type { CaseOutput, CaseRequest } from "../cases/case.js";
import { noExtras } from "../entries/case-extras.js";
import { runtimeError } from "../errors.js";
import {
  type LoadedModel,
  loadModel,
  memberWithoutEarlierStage,
  withoutPostProcessing,
} from "../model/load-model.js";
import { type DicomResults, dicomResultsOf, withDicomResults } from "../outputs/dicom-results.js";
import { writeModelFiles } from "../outputs/model-files.js";
import type { BatchCase } from "./batch-case.js";
import { type BatchFile, type OtherBatch, openBatchFolder, runDigest } from "./batch-file.js";
import { type BatchFolder, batchFolder } from "./batch-folder.js";
import { type BatchManifest, readManifest } from "./batch-manifest.js";
import type { ModelOrder } from "./case-messages.js";
import { fileDigest } from "./file-digest.js";
import { modelDigest } from "./model-digest.js";

/** The model of a batch with the settings of its run. */
export interface BatchModel {
  /** A converted folder. */
  readonly modelDir: string;
  /** Null for all that the folder has. */
  readonly folds: readonly string[] | null;
  readonly appliesPostProcessing: boolean;
  readonly settings: ImageSettings;
  /** A bundled module with the user's hooks; null for none. */
  readonly hookModule: string | null;
}

export interface OpenBatchOptions {
  readonly model: BatchModel;
  readonly manifestFile: string;
  readonly outputDir: string;
  readonly other: OtherBatch;
  readonly onEvent: EventListener;
  readonly signal: AbortSignal;
}

/** A batch that this process works on. */
export interface OpenedBatch {
  readonly folder: BatchFolder;
  readonly file: BatchFile;
  readonly manifest: BatchManifest;
  /** Results with this digest count. */
  readonly run: string;
  readonly order: ModelOrder;
  requestOf(one: BatchCase): CaseRequest;
}

/**
 * Checks the model and the manifest, and opens the batch's folder.
 *
 * @throws MODEL_NOT_FOUND, MANIFEST_INVALID, FOLD_MISSING, EXPORT_MODE_UNFIT, PREVIOUS_STAGE_MISSING;
 *   BATCH_MANIFEST_INVALID; BATCH_DIFFERS
 */
export async function openBatch(options: OpenBatchOptions): Promise<OpenedBatch> {
  const { model, manifestFile, outputDir, other, onEvent, signal } = options;
  const manifest = await readManifest(manifestFile);
  const { loaded, results } = await loadChecked(model);
  const folder = batchFolder(resolve(outputDir));
  const file = await openBatchFolder(
    folder,
    {
      model: {
        folder: loaded.folder,
        digest: await modelDigest(loaded, signal),
        name: `${loaded.model.datasetName} ${loaded.manifest.models.map(({ configuration }) => configuration).join(" + ")}`,
        folds: model.folds,
        appliesPostProcessing: model.appliesPostProcessing,
      },
      settings: model.settings,
      hookDigest: model.hookModule === null ? null : await fileDigest(model.hookModule, signal),
      manifest,
      manifestFolder: dirname(resolve(manifestFile)),
    },
    other,
  );
  if (model.settings.saveProbabilities)
    await writeModelFiles(loaded, { folder: folder.segmentations, existing: "overwrite", onEvent });
  if (manifest.cases.some(({ inputs }) => inputs[0]!.kind === "dicom"))
    for (const line of results.notes) onEvent(runNote("dicom-metadata", line));
  return openedBatch({ folder, file, manifest, model, results });
}

/** Loads what a batch's model says about itself, and checks that it can run. */
export async function loadChecked(
  model: BatchModel,
): Promise<{ readonly loaded: LoadedModel; readonly results: DicomResults }> {
  const whole = await loadModel(model.modelDir, model.folds);
  const loaded = model.appliesPostProcessing ? whole : withoutPostProcessing(whole);
  const { exportMode, saveProbabilities: savesProbabilities } = model.settings;
  checkExportMode(exportMode, loaded.manifest.models, { savesProbabilities });
  const waiting = memberWithoutEarlierStage(loaded);
  if (waiting !== null)
    throw runtimeError(
      "PREVIOUS_STAGE_MISSING",
      `the model continues ${waiting.model.previousStage!.configuration}, whose model is missing`,
    );
  return { loaded, results: await dicomResultsOf(loaded.manifest, model.settings, noExtras) };
}

export interface OpenedBatchParts {
  readonly folder: BatchFolder;
  readonly file: BatchFile;
  readonly manifest: BatchManifest;
  readonly model: BatchModel;
  readonly results: DicomResults;
}

export function openedBatch({ folder, file, manifest, model, results }: OpenedBatchParts): OpenedBatch {
  const { modelDir, folds, appliesPostProcessing, settings, hookModule } = model;
  return {
    folder,
    file,
    manifest,
    run: runDigest(file),
    order: { modelDir, folds, appliesPostProcessing, settings, hookModule },
    requestOf: (one) => withDicomResults(requestOf(one, folder, settings.saveProbabilities), results),
  };
}

function requestOf(
  { name, inputs, output }: BatchCase,
  { segmentations }: BatchFolder,
  savesProbabilities: boolean,
): CaseRequest {
  const labelMap: CaseOutput = { kind: "label-map", path: join(segmentations, output) };
  const stem = splitImageEnding(output)!.stem;
  const probabilities: CaseOutput = { kind: "probabilities", path: join(segmentations, `${stem}.npz`) };
  return {
    name,
    inputs,
    previousStage: null,
    refinement: null,
    outputs: savesProbabilities ? [labelMap, probabilities] : [labelMap],
  };
}

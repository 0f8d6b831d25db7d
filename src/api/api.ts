/** The package `nnunet-processor`: the commands as functions. Relative paths start from the current folder. */
import { resolve } from "node:path";
import type { ProcessorManifest } from "../../processor/contract/manifest.js";
import { optionNames, predictDefaults, settingChoices } from "../../processor/contract/setting-choices.js";
import type { SettingOptions } from "../../processor/contract/setting-types.js";
import type { TargetKind } from "../../processor/contract/target.js";
import type { PredictionReport } from "../../processor/runtime/entries/predict.js";
import { completeConfig } from "../config/config.js";
import { completeNvidia, type NvidiaJson } from "../config/nvidia-config.js";
import type { ConvertFormat } from "../convert/convert-format.js";
import { convertModel } from "../convert/convert-model.js";
import { describeNetworks, type NetworkDescription } from "../convert/converted-networks.js";
import { inspectSource } from "../inspect/inspect-source.js";
import type { Inspection } from "../inspect/inspection.js";
import { sourceContext } from "../models/obtain-model.js";
import { type ModelRequest, requestedModels } from "../models/requested-models.js";
import { absoluteImageFile } from "../oci/image-file.js";
import { predictWith } from "../predict/predict-with.js";
import { type PreflightReport, preflight as preflightImage } from "../targets/preflight/preflight.js";
import { type SimulationReport, simulate as simulateImage } from "../targets/simulate/simulate.js";
import { type CallOptions, call } from "./call.js";

export { ProcessorError } from "../../processor/contract/errors.js";
export type { ProcessorManifest } from "../../processor/contract/manifest.js";
export type { CaseReport } from "../../processor/runtime/cases/case.js";
export type { PredictionReport } from "../../processor/runtime/entries/predict.js";
export type { VerifyReport } from "../build/verify-report.js";
export type { NetworkDescription } from "../convert/converted-networks.js";
export type { ErrorCode } from "../ground/errors/catalogue.js";
export type { Finding } from "../ground/finding.js";
export type { Inspection } from "../inspect/inspection.js";
export type { PreflightReport } from "../targets/preflight/preflight.js";
export type { SimulationReport } from "../targets/simulate/simulate.js";
export {
  type BuildOptions,
  type BuildReport,
  build,
  type ImageInputs,
  type VerifyOptions,
  verify,
} from "./build-image.js";
export type { CallOptions, ProgressEvent } from "./call.js";

/** Names a trained model. The predictions of several folders or configurations are averaged. */
export interface ModelOptions extends CallOptions {
  /** Folder with plans.json, dataset.json and fold_*, a results tree, a .zip, `https:…` or `zenodo:RECORD/FILE`. */
  readonly modelDir: string | readonly string[];
  /** Task or dataset, if the folder holds several: `4`, `Hippocampus`, `Task004_Hippocampus`. */
  readonly task?: string | undefined;
  /** `2d`, `3d_fullres`, …, if the folder holds several. */
  readonly configuration?: string | readonly string[] | undefined;
  /** `0`, `1`, … or `all`; default: every fold with the checkpoint. */
  readonly folds?: readonly string[] | undefined;
  /** Default: `checkpoint_final.pth`. */
  readonly checkpointName?: string | undefined;
  /** ONNX files of your own network, one for each fold. */
  readonly onnxFiles?: readonly string[] | undefined;
  /** What no file of a model of NVIDIA's nnU-Net says, as `nvidia` of config.json. */
  readonly nvidia?: NvidiaJson | undefined;
  /** For a cascade: the model of its low-resolution stage; default: the one next to the second stage. */
  readonly previousStageModel?: string | undefined;
  /** `auto` (default), `off`, or a postprocessing.json or .pkl. */
  readonly postProcessing?: string | undefined;
}

export interface ConvertOptions extends ModelOptions {
  readonly outputDir: string;
  /**
   * `processor` (default): the networks as `predict` and images run them. `onnx`: plain networks for other runtimes.
   * `triton`: a model repository for Triton Inference Server.
   */
  readonly format?: ConvertFormat | undefined;
  /** Default: false. */
  readonly overwrite?: boolean | undefined;
}

export interface ConvertedFolder {
  readonly folder: string;
  /** Paths relative to the folder. */
  readonly files: readonly string[];
  /** What each ONNX file is for, with its versions, inputs and outputs. */
  readonly networks: readonly NetworkDescription[];
  readonly manifest: ProcessorManifest;
}

/**
 * Converts a trained model to ONNX.
 *
 * @throws ProcessorError
 */
export function convert(options: ConvertOptions): Promise<ConvertedFolder> {
  return call(options, async (work) => {
    const models = await requestedModels(modelRequest(options), work);
    const { folder, files, manifest, networks } = await convertModel({
      models,
      settings: completeConfig({}).settings,
      outputDir: resolve(options.outputDir),
      format: options.format ?? "processor",
      overwrite: options.overwrite ?? false,
      progress: work.progress,
      signal: work.signal,
    });
    return { folder, files, networks: describeNetworks(folder, networks), manifest };
  });
}

/** Settings that are left out are nnU-Net's own; docs/reference/settings.md describes each. */
export interface PredictOptions extends ModelOptions, SettingOptions<"predict"> {
  /** Folders or files, named `<case>_0000<ending>`, one for each channel. */
  readonly inputs: readonly string[];
  readonly outputDir: string;
  /** For a cascade: a folder with the segmentations of its low-resolution stage, instead of its model. */
  readonly previousStagePredictions?: string | undefined;
  /** A module with hooks; see `nnunet-processor/hooks`. */
  readonly hookFile?: string | undefined;
  /** A file that describes the segments of DICOM results: a dcmqi template, or names. */
  readonly dicomMetadataFile?: string | undefined;
  /** What to do about results that exist already; default: `error`. */
  readonly existing?: "error" | "overwrite" | "continue" | undefined;
}

/**
 * Segments images with a trained model, or with a folder that `convert` wrote. A case that fails does not stop the
 * others: the report says `failed`, with the error.
 *
 * @throws ProcessorError if no case could be started
 */
export function predict(options: PredictOptions): Promise<PredictionReport> {
  return call(options, (work) =>
    predictWith(
      {
        models: modelRequest(options),
        inputs: options.inputs,
        outputDir: options.outputDir,
        previousStagePredictions: options.previousStagePredictions ?? null,
        hookFile: options.hookFile ?? null,
        dicomMetadataFile: options.dicomMetadataFile ?? null,
        settings: settingChoices({ ...options }, "predict", optionNames).applyTo(predictDefaults()),
        existing: options.existing ?? "error",
        extras: null,
        temporaryFolder: null,
      },
      work,
    ),
  );
}

/**
 * Describes a model, archive, checkpoint, ONNX file, converted folder or image, without running it.
 *
 * @throws ProcessorError
 */
export function inspect(source: string, options: CallOptions = {}): Promise<Inspection> {
  return call(options, (work) =>
    inspectSource(source, {
      ...work,
      openContext: () => sourceContext(null, work),
      nvidia: null,
    }),
  );
}

export interface PreflightOptions extends CallOptions {
  /** An image name, or an archive from `docker save`. */
  readonly image: string;
  /** Default: the platform that the image was built for. */
  readonly target?: TargetKind | undefined;
}

/**
 * Runs the checks that the platform makes after an upload. The report says whether the platform accepts the image.
 *
 * @throws ProcessorError if the image cannot be read
 */
export function preflight(options: PreflightOptions): Promise<PreflightReport> {
  return call(options, async ({ currentDirectory, environment, signal }) =>
    preflightImage({
      image: await absoluteImageFile(options.image, currentDirectory),
      target: options.target ?? null,
      environment,
      uploadedDigests: [],
      signal,
    }),
  );
}

export interface SimulateOptions extends PreflightOptions {
  /** A folder of cases. */
  readonly input: string;
  /** A folder with the expected segmentations. */
  readonly expect?: string | undefined;
  /** For grand-challenge: the input socket of each channel. */
  readonly sockets?: readonly string[] | undefined;
  /** For grand-challenge: the model, if it was written as a file of its own. */
  readonly modelTarball?: string | undefined;
  /** Default: the memory of the platform's machine. */
  readonly memoryBytes?: number | undefined;
  /** Default: 600. */
  readonly timeoutSeconds?: number | undefined;
  /** From 0 to 1; default: 0.99. */
  readonly minDice?: number | undefined;
}

/**
 * Runs an image in Docker as the platform does. The report says whether all checks pass.
 *
 * @throws ProcessorError if the image cannot be run
 */
export function simulate(options: SimulateOptions): Promise<SimulationReport> {
  const path = (file: string | undefined): string | null => (file === undefined ? null : resolve(file));
  return call(options, async ({ currentDirectory, environment, progress, signal }) =>
    simulateImage({
      image: await absoluteImageFile(options.image, currentDirectory),
      target: options.target ?? null,
      input: resolve(options.input),
      expect: path(options.expect),
      sockets: options.sockets ?? [],
      modelTarball: path(options.modelTarball),
      memoryBytes: options.memoryBytes ?? null,
      timeoutSeconds: options.timeoutSeconds ?? 600,
      minDice: options.minDice ?? 0.99,
      environment,
      progress,
      signal,
    }),
  );
}

function modelRequest(options: ModelOptions): ModelRequest {
  const listOf = (value: string | readonly string[]): readonly string[] =>
    typeof value === "string" ? [value] : value;
  return {
    modelDirs: listOf(options.modelDir),
    task: options.task ?? null,
    configurations: options.configuration === undefined ? null : listOf(options.configuration),
    checkpointName: options.checkpointName ?? null,
    folds: options.folds ?? [],
    onnxFiles: options.onnxFiles ?? null,
    nvidia: options.nvidia === undefined ? null : completeNvidia(options.nvidia),
    previousStage: options.previousStageModel ?? null,
    postProcessing: options.postProcessing ?? "auto",
  };
}

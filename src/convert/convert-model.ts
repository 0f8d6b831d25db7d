import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { checkExportMode } from "../../processor/contract/check-export-mode.js";
import type {
  ModelManifest,
  PostProcessingStep,
  ProcessorManifest,
} from "../../processor/contract/manifest.js";
import { mapInOrder, mapNonEmpty } from "../../processor/contract/non-empty.js";
import { manifestName } from "../../processor/contract/places.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import type { ImageSettings } from "../../processor/contract/run-settings.js";
import {
  findEnsemblePostProcessing,
  findPostProcessing,
} from "../checkpoint/post-processing/find-post-processing.js";
import { readPostProcessing } from "../checkpoint/post-processing/read-post-processing.js";
import { namingArchives } from "../ground/archive/archive-tree.js";
import type { KnownFile } from "../image/image-plan.js";
import type { ModelMember, ModelSet } from "../models/model-set.js";
import { checkMembers } from "./check-members.js";
import type { ConversionMemo } from "./conversion-memo.js";
import type { ConvertFormat } from "./convert-format.js";
import { writeConvertedFolder } from "./converted-folder.js";
import type { ConvertedNetwork } from "./converted-networks.js";
import { readStages, type Stage, type StageFold, type StageTable } from "./read-stages.js";
import { taskOfModels } from "./task-of-models.js";
import { writeTritonModels } from "./triton/write-triton-models.js";
import { asWritten, networksOf, writeFolds, writeGpuGraphs, writePlainGraphs } from "./write-folds.js";

export interface ConvertOptions {
  readonly models: ModelSet;
  readonly settings: ImageSettings;
  /** Defaults to `processor`. */
  readonly format?: ConvertFormat;
  /**
   * Must be missing or empty, unless `overwrite` is set. It appears only when all of its contents are
   * complete.
   */
  readonly outputDir: string;
  /** Allows replacing an earlier conversion in `outputDir`. */
  readonly overwrite?: boolean;
  /**
   * Remembers the digests of converted checkpoints, so that unchanged checkpoints are converted only if the
   * files are needed.
   */
  readonly memo?: ConversionMemo;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The folder of a converted model, which contains only what the processor needs. */
export interface ConvertedModel {
  readonly folder: string;
  readonly manifest: ProcessorManifest;
  /** Paths relative to the folder. */
  readonly files: readonly string[];
  /** The ONNX files among them that hold a network. */
  readonly networks: readonly ConvertedNetwork[];
  /**
   * With a memo: the files with known digests. Files of an unchanged checkpoint do not exist before `write`.
   */
  readonly known: ReadonlyMap<string, KnownFile>;
}

/**
 * Converts PyTorch checkpoints to ONNX. Reads plans, dataset and checkpoints as data. Writes `manifest.json`,
 * `fold_k.onnx` with `fold_k.weights` for each fold, and for GPUs `network.gpu.onnx`, which reads the weights
 * of all folds. If there are several stages, each has its own folder; a stage that several members share is
 * written once. The same models give the same bytes.
 *
 * @throws TENSOR_MISMATCH, CHECKPOINT_*, PLANS_UNSUPPORTED, ARCHITECTURE_UNKNOWN, MODEL_FILE_INVALID,
 * ENSEMBLE_MISMATCH, OUTPUT_EXISTS, OUTPUT_UNWRITABLE, DISK_FULL, INTERRUPTED
 */
export function convertModel(options: ConvertOptions): Promise<ConvertedModel> {
  const used = options.models.members.flatMap(({ model, previousStage }) => [model, previousStage]);
  const trees = used.map((model) => model?.tree ?? null);
  return namingArchives(trees, () => convertNamed(options));
}

async function convertNamed(options: ConvertOptions): Promise<ConvertedModel> {
  const { models, outputDir, settings, format = "processor" } = options;
  const stages = await readStages(models.members, format);
  if (models.totalsegmentator === null) checkMembers(models.members.map(({ model }) => stages.of(model)));
  const planned = await describe(models, stages, settings);
  checkExportMode(settings.exportMode, planned.models, { savesProbabilities: settings.saveProbabilities });
  const companions = stages.all.flatMap(({ prefix, folds, description }) => {
    // Triton's version folders are the only ones of a model in which it allows further files.
    const first = `${dirname(folds[0].files.onnxFile)}/`;
    const folder = format !== "triton" ? prefix : stages.all.length === 1 ? "" : first;
    return description.companionFiles.map((file) => ({ file, name: folder + basename(file) }));
  });
  const overwrite = options.overwrite ?? false;
  return writeConvertedFolder({ outputDir, overwrite }, async (folder) => {
    const { files, known, withinFloat16 } = await writeFolds(foldsOf(stages), folder, options);
    const gpuFiles = await writeGpuGraphs(stages.all, folder, withinFloat16);
    const plainFiles = await writePlainGraphs(foldsOf(stages), folder);
    const manifest = {
      ...planned,
      models: mapNonEmpty(planned.models, (model) => asWritten(model, gpuFiles)),
    };
    for (const { file, name } of companions) await writeFile(join(folder, name), await readFile(file));
    await writeFile(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    const triton = format === "triton" ? await writeTritonModels(stages.all, folder) : [];
    const names = [
      ...files,
      ...plainFiles,
      ...gpuFiles,
      ...triton,
      ...companions.map(({ name }) => name),
      manifestName,
    ];
    const networks = networksOf(stages.all, gpuFiles);
    return { folder: outputDir, manifest, files: names, networks, known };
  });
}

const foldsOf = (stages: StageTable): readonly StageFold[] => stages.all.flatMap(({ folds }) => folds);

async function describe(
  models: ModelSet,
  stages: StageTable,
  settings: ImageSettings,
): Promise<ProcessorManifest> {
  const { members, totalsegmentator } = models;
  const described = await mapInOrder(members, (member) => describeMember(member, stages));
  return {
    manifestVersion: 1,
    task: taskOfModels(models),
    settings,
    models: totalsegmentator === null ? described : mapNonEmpty(described, withoutMirroring),
    totalsegmentator,
    postProcessing: await finalPostProcessing(models, stages),
  };
}

/** TotalSegmentator never mirrors, also with networks whose trainer did. */
const withoutMirroring = (model: ModelManifest): ModelManifest => ({
  ...model,
  plan: { ...model.plan, mirrorAxes: [] },
});

async function describeMember(
  { model, previousStage }: ModelMember,
  stages: StageTable,
): Promise<ModelManifest> {
  const stage = stages.of(model);
  const configuration = stage.description.previousStage;
  if (configuration === null) return describeStage(stage);
  const earlier = previousStage === null ? null : stages.of(previousStage);
  return {
    ...describeStage(stage),
    previousStage: {
      configuration,
      model: earlier === null ? null : describeStage(earlier),
      postProcessing: earlier === null ? [] : await earlierPostProcessing(earlier),
    },
  };
}

function describeStage({ model, description, network, folds, gpuGraph }: Stage): ModelManifest {
  return {
    configuration: description.configuration,
    nnunetVersion: model.nnunetVersion,
    trainer: description.trainer,
    plansName: description.plansName,
    datasetName: model.datasetName,
    checkpointName: model.checkpointName,
    channelNames: description.channelNames,
    labels: description.labels,
    plan: description.plan,
    network,
    folds: mapNonEmpty(folds, ({ files }) => files),
    gpuOnnxFile: gpuGraph?.file ?? null,
    previousStage: null,
  };
}

/**
 * In v1, the second stage of a cascade uses the post-processed segmentation of the first stage; in v2, the
 * unprocessed one.
 */
async function earlierPostProcessing({ model, description }: Stage): Promise<readonly PostProcessingStep[]> {
  if (model.nnunetVersion === 2) return [];
  const file = await findPostProcessing(model);
  return file === null ? [] : readPostProcessing(file, description.labels);
}

async function finalPostProcessing(
  { members, totalsegmentator, postProcessing }: ModelSet,
  stages: StageTable,
): Promise<readonly PostProcessingStep[]> {
  if (totalsegmentator !== null) return [];
  const own = stages.of(members[0].model).description.postProcessing;
  if (own !== undefined && postProcessing.kind === "models") return own;
  const trained = mapNonEmpty(members, ({ model }) => model);
  const { labels } = stages.of(trained[0]).description;
  switch (postProcessing.kind) {
    case "none":
      return [];
    case "file":
      return readPostProcessing(postProcessing.file, labels);
    case "models": {
      const find =
        trained.length === 1 ? findPostProcessing(trained[0]) : findEnsemblePostProcessing(trained);
      const file = await find;
      return file === null ? [] : readPostProcessing(file, labels);
    }
  }
}

import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { checkExportMode } from "../../processor/contract/check-export-mode.js";
import type {
  ModelManifest,
  PostProcessingStep,
  ProcessorManifest,
  RuntimeSettings,
} from "../../processor/contract/manifest.js";
import { manifestName } from "../../processor/contract/places.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { namingArchives } from "../archive/archive-tree.js";
import {
  findEnsemblePostProcessing,
  findPostProcessing,
} from "../checkpoint/post-processing/find-post-processing.js";
import { readPostProcessing } from "../checkpoint/post-processing/read-post-processing.js";
import type { KnownFile } from "../image/image-plan.js";
import type { ModelMember, ModelSet } from "../models/model-set.js";
import { checkMembers } from "./check-members.js";
import type { ConversionMemo } from "./conversion-memo.js";
import { writeConvertedFolder } from "./converted-folder.js";
import { readStages, type Stage, type StageFold, type StageTable } from "./read-stages.js";
import { asWritten, writeFolds, writeGpuGraphs } from "./write-folds.js";

export interface ConvertOptions {
  readonly models: ModelSet;
  readonly settings: RuntimeSettings;
  /** Must not exist or be empty, unless `overwrite`. Appears only when everything in it is complete. */
  readonly outputDir: string;
  /** Whether an earlier conversion in `outputDir` may be replaced. */
  readonly overwrite?: boolean;
  /** Remembers what checkpoints became: those that are unchanged are written only when somebody needs the files. */
  readonly memo?: ConversionMemo;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** A converted folder: what the processor needs, and nothing else. */
export interface ConvertedModel {
  readonly folder: string;
  readonly manifest: ProcessorManifest;
  /** Below the folder. */
  readonly files: readonly string[];
  /** With a memo: files whose bytes are known. Those of an unchanged checkpoint are not there before `write`. */
  readonly known: ReadonlyMap<string, KnownFile>;
}

/**
 * PyTorch → ONNX: reads plans, dataset and checkpoints as data, writes `manifest.json`, for each fold `fold_k.onnx` with
 * `fold_k.weights`, and for GPUs `network.gpu.onnx`, which reads the weights of all folds. Where there are several models,
 * or a cascade's earlier stage, each has a folder of its own; what two of them share is there once. The same models give
 * the same bytes.
 *
 * @throws TENSOR_MISMATCH, CHECKPOINT_*, PLANS_UNSUPPORTED, ARCHITECTURE_UNKNOWN, MODEL_FILE_INVALID,
 * ENSEMBLE_MISMATCH, OUTPUT_EXISTS, OUTPUT_UNWRITABLE, DISK_FULL, INTERRUPTED
 */
export function convertModel(options: ConvertOptions): Promise<ConvertedModel> {
  const used = options.models.members.flatMap(({ model, previousStage }) => [model, previousStage]);
  const trees = used.map((model) => model?.tree);
  return namingArchives(trees, () => convertNamed(options));
}

async function convertNamed(options: ConvertOptions): Promise<ConvertedModel> {
  const { models, outputDir, settings } = options;
  const stages = await readStages(models.members);
  checkMembers(models.members.map(({ model }) => stages.of(model)));
  const planned = await describe(models, stages, settings);
  checkExportMode(settings.exportMode, planned.models, { savesProbabilities: settings.saveProbabilities });
  const companions = stages.all.flatMap(({ prefix, description }) =>
    description.companionFiles.map((file) => ({ file, name: prefix + basename(file) })),
  );
  const overwrite = options.overwrite ?? false;
  return writeConvertedFolder({ outputDir, overwrite }, async (folder) => {
    const { files, known, withinFloat16 } = await writeFolds(foldsOf(stages), folder, options);
    const gpuFiles = await writeGpuGraphs(stages.all, folder, withinFloat16);
    const manifest = { ...planned, models: planned.models.map((model) => asWritten(model, gpuFiles)) };
    for (const { file, name } of companions) await writeFile(join(folder, name), await readFile(file));
    await writeFile(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    const names = [...files, ...gpuFiles, ...companions.map(({ name }) => name), manifestName];
    return { folder: outputDir, manifest, files: names, known };
  });
}

const foldsOf = (stages: StageTable): readonly StageFold[] => stages.all.flatMap(({ folds }) => folds);

async function describe(
  models: ModelSet,
  stages: StageTable,
  settings: RuntimeSettings,
): Promise<ProcessorManifest> {
  const { members } = models;
  const [first] = members as [ModelMember];
  const described: ModelManifest[] = [];
  for (const member of members) described.push(await describeMember(member, stages));
  return {
    manifestVersion: 1,
    task: first.model.task,
    settings,
    models: described,
    postProcessing: await finalPostProcessing(models, stages),
  };
}

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
    folds: folds.map(({ files }) => files),
    gpuOnnxFile: gpuGraph?.file ?? null,
    previousStage: null,
  };
}

/** v1's cascade continues the post-processed segmentation of its first stage, v2's the plain one. */
async function earlierPostProcessing({ model, description }: Stage): Promise<readonly PostProcessingStep[]> {
  if (model.nnunetVersion === 2) return [];
  const file = await findPostProcessing(model);
  return file === null ? [] : readPostProcessing(file, description.labels);
}

async function finalPostProcessing(
  { members, postProcessing }: ModelSet,
  stages: StageTable,
): Promise<readonly PostProcessingStep[]> {
  const trained = members.map(({ model }) => model) as [ModelMember["model"]];
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

import { join } from "node:path";
import { filesOfFold } from "../../processor/contract/fold-files.js";
import {
  type ModelManifest,
  type ProcessorManifest,
  processorManifest,
} from "../../processor/contract/manifest.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { manifestName } from "../../processor/contract/places.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { readTextFile, unreadable } from "../../processor/files/read-text-file.js";
import { FolderSource } from "../model-source/folder-source.js";
import { channelInspections } from "./channel-inspections.js";
import type { ConfigurationInspection, ConvertedInspection, TaskInspection } from "./inspection.js";

/** The same limit as in a processor. */
const maxManifestBytes = 64 << 20;

/** Describes a folder that `convert` wrote. */
export async function inspectConverted(source: string, folder: string): Promise<ConvertedInspection> {
  const path = join(folder, manifestName);
  const text = await readTextFile(path, maxManifestBytes).catch((cause: unknown) => {
    throw sharedError("MANIFEST_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  });
  const manifest = parseManifest(path, text);
  const files = await (await FolderSource.open(folder)).inventory();
  const sizes = new Map(files.map(({ path: name, size }) => [name, size]));
  return {
    inspectionVersion: 1,
    source,
    kind: "converted",
    sizeBytes: files.reduce((sum, { size }) => sum + size, 0),
    models: manifestModels(manifest, sizes),
    totalsegmentator: manifestTask(manifest),
    postProcessingSteps: manifest.postProcessing,
  };
}

/** @throws MANIFEST_INVALID */
export const parseManifest = (place: string, text: string): ProcessorManifest =>
  parseChecked(text, processorManifest, (reason, cause) =>
    sharedError("MANIFEST_INVALID", `${place} ${reason}`, { cause }),
  );

/** Returns the models of a manifest, a cascade's first stage before the second. */
export function manifestModels(
  { models, task }: ProcessorManifest,
  sizes: ReadonlyMap<string, number>,
): readonly ConfigurationInspection[] {
  const all = models.flatMap((model) =>
    model.previousStage?.model ? [model.previousStage.model, model] : [model],
  );
  return all.map((model) => inspectManifestModel(model, { task, sizes }));
}

/** Returns the task of a manifest; null if its models are averaged. */
export function manifestTask({ totalsegmentator }: ProcessorManifest): TaskInspection | null {
  if (totalsegmentator === null) return null;
  const { mode, run } = totalsegmentator;
  const { crop } = run;
  return {
    task: run.task,
    mode,
    spacingMmXyz: run.spacingMmXyz,
    crop:
      crop === null
        ? null
        : crop.by.classes.filter(({ value }) => crop.labels.includes(value)).map(({ name }) => name),
    classes: run.classes.map(({ name }) => name),
  };
}

function inspectManifestModel(
  model: ModelManifest,
  { task, sizes }: { readonly task: ProcessorManifest["task"]; readonly sizes: ReadonlyMap<string, number> },
): ConfigurationInspection {
  const { plan, channelNames } = model;
  const { architecture, inputChannels, outputChannels, parameters } = model.network;
  const present = (name: string) => {
    const sizeBytes = sizes.get(name);
    return sizeBytes === undefined ? [] : [{ name, sizeBytes }];
  };
  const folds = model.folds.map((foldFiles) => ({
    fold: foldFiles.fold,
    files: filesOfFold(foldFiles)
      .flatMap(present)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }));
  return {
    path: "",
    nnunetVersion: model.nnunetVersion,
    nvidia: model.plan.nvidia ?? null,
    monai: model.plan.monai ?? null,
    task,
    datasetName: model.datasetName,
    configuration: model.configuration,
    trainer: model.trainer,
    plansName: model.plansName,
    checkpointName: model.checkpointName,
    folds,
    gpuNetwork: present(model.gpuOnnxFile ?? "")[0] ?? null,
    checkpointParameters: null,
    network: { architecture, inputChannels, outputChannels, parameters },
    patchSize: plan.patchSize,
    spacingMm: plan.spacingMm,
    mirrorAxes: plan.mirrorAxes,
    channels: channelInspections(channelNames, plan),
    labels: model.labels,
    imageReader: plan.imageReader,
    fileEnding: plan.fileEnding,
    previousStage: model.previousStage?.configuration ?? null,
    postProcessing: [...sizes.keys()]
      .filter((name) => /(?:^|\/)postprocessing\.(?:json|pkl)$/.test(name))
      .sort(),
    sizeBytes: folds.flatMap(({ files }) => files).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    warnings: [],
    problems: [],
  };
}

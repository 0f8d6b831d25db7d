import { join } from "node:path";
import { answerLabels } from "../../processor/contract/answer-labels.js";
import { filesOfFold } from "../../processor/contract/fold-files.js";
import { processorLabels } from "../../processor/contract/labels.js";
import type { FoldFiles, ModelManifest, ProcessorManifest } from "../../processor/contract/manifest.js";
import { layerPath, places } from "../../processor/contract/places.js";
import {
  type FileSource,
  type ImageLayer,
  type ImagePlan,
  type ImagePlatform,
  type KnownFile,
  type LayerFile,
  layerFile,
  overlaidFileTime,
  sortedEntries,
} from "./image-plan.js";
import { runLabelsOf } from "./run-labels.js";
import type { TargetImage } from "./target-image.js";

export interface ProcessorImageParts {
  readonly platform: ImagePlatform;
  readonly description: ImageDescription;
  readonly base: BaseImageFacts;
  readonly converted: ConvertedFolder;
  readonly processorFiles: readonly LayerFile[];
  /** The decoders of compressed DICOM images; empty for an image that does without them. */
  readonly codecFiles: readonly LayerFile[];
  /** The packages of the service; empty for an image that does without it. */
  readonly serviceFiles: readonly LayerFile[];
  /** The web page of the service; empty for an image without the service. */
  readonly pageFiles: readonly LayerFile[];
  /** The bundled hooks, stored under the manifest's name for them; null if the manifest names none. */
  readonly hookFile: string | null;
  readonly targetImage: TargetImage;
  /** True if the image contains the model; otherwise the platform provides it at run time. */
  readonly carriesModel: boolean;
}

/** The result of a conversion: `manifest.json`, the files that it names, and the model's plans and dataset. */
export interface ConvertedFolder {
  readonly folder: string;
  readonly manifest: ProcessorManifest;
  /** All files, relative to the folder. */
  readonly files: readonly string[];
  /** The files with a known digest, which are written only when needed. */
  readonly known: ReadonlyMap<string, KnownFile>;
}

/** The description of an image in its OCI annotations. */
export interface ImageDescription {
  /** `[registry/]name:tag`. */
  readonly imageName: string;
  readonly title: string;
  readonly description: string;
  /** The version of this program. */
  readonly processorVersion: string;
  readonly created: Date;
  /** The address of the image's source; null for this program's package URL. */
  readonly source: string | null;
  /** An SPDX expression. */
  readonly licenses: string;
}

export interface BaseImageFacts {
  readonly imageName: string;
  /** `sha256:…`; null if no engine was asked. */
  readonly imageId: string | null;
}

/** Returns the files of the model's folder, with their paths relative to it. */
export function modelFiles(converted: ConvertedFolder, hookFile: string | null): LayerFile[] {
  const { manifest, files } = converted;
  const { hookModule } = manifest.settings;
  const hooks = hookFile === null || hookModule === null ? [] : [layerFile(hookModule, { file: hookFile })];
  return [...files.map((path) => layerFile(path, sourceOf(converted, path))), ...hooks];
}

function sourceOf({ folder, known }: ConvertedFolder, path: string): FileSource {
  const knownFile = known.get(path);
  return { file: join(folder, path), ...(knownFile === undefined ? {} : { known: knownFile }) };
}

/**
 * Plans the image of a processor. The layers above the base are each fold's weights, the processor's code, the hooks, and
 * the manifest. New code therefore leaves the weights' layers unchanged, and a new setting changes only the last layer.
 */
export function planProcessorImage(parts: ProcessorImageParts): ImagePlan {
  const { description, base, converted, processorFiles, codecFiles, serviceFiles, pageFiles } = parts;
  const { hookFile } = parts;
  const { manifest, files } = converted;
  const folds = distinctFolds(manifest);
  const weights = new Set(folds.flatMap(filesOfFold));
  const fileOf = (path: string) => modelFile(path, sourceOf(converted, path));
  const { firstLayers, lastLayers, ...ofTarget } = parts.targetImage;
  const ownCode = [
    ...partLayer("dicom", codecFiles),
    ...partLayer("service", serviceFiles),
    ...partLayer("page", pageFiles),
    { name: "processor", entries: processorFiles },
  ];
  const layers: readonly ImageLayer[] = parts.carriesModel
    ? [
        ...firstLayers,
        ...folds.map((fold) => modelLayer(layerName(fold.onnxFile), filesOfFold(fold).map(fileOf))),
        ...ownCode,
        ...hookLayer(hookFile, manifest),
        modelLayer("manifest", files.filter((path) => !weights.has(path)).map(fileOf)),
        ...lastLayers,
      ]
    : [...firstLayers, ...ownCode, ...lastLayers];
  return {
    imageName: description.imageName,
    base: { kind: "image", imageName: base.imageName },
    platform: parts.platform,
    layers,
    fileTime: overlaidFileTime,
    // Turns off ONNX Runtime's telemetry, also on a base image that the user names.
    env: { NODE_ENV: "production", ORT_DISABLE_TELEMETRY: "1", ...ofTarget.env },
    labels: {
      ...modelLabels(manifest),
      ...runLabelsOf(manifest),
      ...ociLabels(description, base),
      ...ofTarget.labels,
    },
    user: "1000:1000",
    workingDir: ofTarget.workingDir,
    entrypoint: ofTarget.entrypoint,
    command: ofTarget.command,
  };
}

/** Returns the layer of a part that changes less often than the processor, unless the image does without it. */
export const partLayer = (name: string, entries: readonly LayerFile[]): readonly ImageLayer[] =>
  entries.length === 0 ? [] : [{ name, entries }];

/** Returns all folds of all models and their earlier stages, without duplicates. */
function distinctFolds(manifest: ProcessorManifest): readonly FoldFiles[] {
  const models = manifest.models.flatMap((model) =>
    model.previousStage?.model ? [model.previousStage.model, model] : [model],
  );
  const byFile = new Map(models.flatMap(({ folds }) => folds).map((fold) => [fold.onnxFile, fold]));
  return [...byFile.values()];
}

/** Returns the layer's name: `3d_fullres-fold_0` for `3d_fullres/fold_0.onnx`. */
const layerName = (onnxFile: string): string =>
  onnxFile
    .replace(/\.onnx$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-");

function hookLayer(hookFile: string | null, { settings }: ProcessorManifest): readonly ImageLayer[] {
  if (hookFile === null || settings.hookModule === null) return [];
  return [modelLayer("hooks", [modelFile(settings.hookModule, { file: hookFile })])];
}

const modelFile = (path: string, source: FileSource): LayerFile =>
  layerFile(`${layerPath(places.image.model)}/${path}`, source);

const modelLayer = (name: string, entries: readonly LayerFile[]): ImageLayer => ({
  name,
  entries: sortedEntries(entries),
});

/** Returns the labels that every image has. */
export function ociLabels(description: ImageDescription, base: BaseImageFacts): Record<string, string> {
  const { imageName, title, processorVersion, created, source, licenses } = description;
  const annotations: Readonly<Record<string, string | null>> = {
    title,
    description: description.description,
    version: /:([^/:]+)$/.exec(imageName)?.[1] ?? "latest",
    source: source ?? `pkg:generic/nnunet-processor@${processorVersion}`,
    licenses,
    "base.name": base.imageName,
    "base.digest": base.imageId,
    created: created.toISOString(),
  };
  return {
    [processorLabels.version]: processorVersion,
    ...Object.fromEntries(
      Object.entries(annotations).flatMap(([key, value]) =>
        value === null ? [] : [[`org.opencontainers.image.${key}`, value]],
      ),
    ),
  };
}

/** Returns the labels about the model. For several models, each label lists their values. */
function modelLabels(manifest: ProcessorManifest): Record<string, string> {
  const { task, models, settings } = manifest;
  const each = (fact: (model: ModelManifest) => string) => [...new Set(models.map(fact))].join(", ");
  const [first] = models;
  return {
    [processorLabels.taskId]: String(task.id ?? ""),
    [processorLabels.taskName]: task.name,
    [processorLabels.dataset]: each(({ datasetName }) => datasetName),
    [processorLabels.nnunetVersion]: each(({ nnunetVersion }) => String(nnunetVersion)),
    [processorLabels.configuration]: each(({ configuration }) => configuration),
    [processorLabels.trainer]: each(({ trainer }) => trainer),
    [processorLabels.plans]: each(({ plansName }) => plansName),
    [processorLabels.checkpoint]: each(({ checkpointName }) => checkpointName),
    [processorLabels.folds]: each(({ folds }) => folds.map(({ fold }) => fold).join(" ")),
    [processorLabels.channels]: JSON.stringify(first?.channelNames ?? []),
    [processorLabels.labels]: JSON.stringify(
      Object.fromEntries(answerLabels(manifest, settings).names.map(({ name, value }) => [name, value])),
    ),
  };
}

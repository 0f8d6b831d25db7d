import { stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { sha256Hex } from "../../processor/contract/json-check.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { digestFile } from "../download/file-digest.js";
import type { ModelSet } from "../models/model-set.js";
import type { BaseImage } from "../oci/base-image.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { hexOf } from "../oci/oci-types.js";
import { imageUrl } from "./package-url.js";
import type { ExternalParameters, ResourceDescriptor } from "./provenance.js";

/** Files next to the folds of a trained model. Missing files were not used. */
const companions = ["dataset.json", "plans.json", "plans.pkl", "postprocessing.json", "postprocessing.pkl"];

export interface DigestOptions {
  /** Cache for the digests of unchanged files. */
  readonly cache: BlobCache;
  readonly progress: Progress;
}

/** Returns the chosen models: an ensemble's members in order, each after its cascade's first stage. */
export const modelParameters = (models: ModelSet | null): ExternalParameters["models"] =>
  (models === null ? [] : allModels(models)).map((model) => ({
    task: model.task,
    dataset: model.datasetName,
    configuration: model.configuration,
    checkpoint: model.checkpointName,
    folds: model.folds.map(({ fold }) => fold),
  }));

const allModels = ({ members }: ModelSet): readonly TrainedModel[] =>
  members.flatMap(({ model, previousStage }) => (previousStage === null ? [model] : [previousStage, model]));

export interface OwnInputs extends DigestOptions {
  /** Null for an image for any model. */
  readonly models: ModelSet | null;
  /** Null for none. */
  readonly hookFile: string | null;
}

/** Returns all inputs of the user: the models' files, post-processing and hooks. */
export async function ownInputs(inputs: OwnInputs): Promise<readonly ResourceDescriptor[]> {
  const { models, hookFile, ...options } = inputs;
  const all = models === null ? [] : allModels(models);
  const found: ResourceDescriptor[] = [];
  for (const [i, model] of all.entries())
    found.push(...(await modelInputs(model, all.length === 1 ? "" : `model_${i + 1}/`, options)));
  const postProcessing = models?.postProcessing ?? null;
  const single = [postProcessing?.kind === "file" ? postProcessing.file : null, hookFile];
  for (const file of single) if (file !== null) found.push(await fileInput(file, basename(file), options));
  return found;
}

/**
 * Returns the files of the trained model with their digests: `fold_0/checkpoint_final.pth`, …, `plans.json`.
 */
async function modelInputs(
  { folder, folds, datasetName, configuration }: TrainedModel,
  prefix: string,
  options: DigestOptions,
): Promise<readonly ResourceDescriptor[]> {
  const files = [
    // nnU-Net v1 saves a checkpoint in two files.
    ...folds.flatMap(({ checkpointFile }) => [checkpointFile, `${checkpointFile}.pkl`]),
    ...companions.map((name) => join(folder, name)),
  ];
  const nameOf = (file: string) =>
    `${prefix}${datasetName}/${configuration}/${relative(folder, file).split(sep).join("/")}`;
  const inputs: ResourceDescriptor[] = [];
  for (const { checkpointFile, range } of folds) {
    if (range === null) continue;
    const label = nameOf(checkpointFile);
    inputs.push({
      name: label,
      digest: await digestFile(range, ["sha256"], { progress: options.progress, label }),
    });
  }
  for (const file of files) {
    if ((await stat(file).catch(() => null))?.isFile() !== true) continue;
    inputs.push(await fileInput(file, nameOf(file), options));
  }
  return inputs;
}

async function fileInput(
  file: string,
  name: string,
  { cache, progress }: DigestOptions,
): Promise<ResourceDescriptor> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  const key = `sha256 1 ${[file, dev, ino, size, mtimeNs, ctimeNs].join(" ")}`;
  const known = await cache.recall(key, sha256Hex);
  if (known !== null) return { name, digest: { sha256: known } };
  const { sha256 } = await digestFile(file, ["sha256"], { progress, label: name });
  await cache.remember(key, sha256);
  return { name, digest: { sha256 } };
}

/** Returns the base of the layers: the manifest from a registry, or each layer if there was no manifest. */
export function baseInputs(imageName: string, base: BaseImage): readonly ResourceDescriptor[] {
  const { manifestDigest, layers } = base;
  if (manifestDigest === null)
    return layers.map(({ descriptor }, i) => ({
      name: `${imageName} layer ${i + 1}`,
      mediaType: descriptor.mediaType,
      digest: { sha256: hexOf(descriptor.digest) },
    }));
  const architecture = base.config?.architecture ?? "amd64";
  return [
    {
      name: imageName,
      uri: imageUrl({ imageName, digest: manifestDigest, architecture }),
      digest: { sha256: hexOf(manifestDigest) },
    },
  ];
}

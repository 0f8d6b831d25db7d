import { stat } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { filesOfFold } from "../../contract/fold-files.js";
import { longestPath } from "../../contract/longest-path.js";
import {
  type FoldFiles,
  type ModelManifest,
  type ProcessorManifest,
  processorManifest,
} from "../../contract/manifest.js";
import { mapInOrder, type NonEmpty } from "../../contract/non-empty.js";
import { parseChecked } from "../../contract/parse-checked.js";
import { manifestName } from "../../contract/places.js";
import { sharedError } from "../../contract/shared-errors.js";
import { readTextFile } from "../../files/read-text-file.js";

/** A verified folder of converted models. */
export interface LoadedModel {
  readonly folder: string;
  readonly manifest: ProcessorManifest;
  /** The first model, which has the same channels and labels as all others. */
  readonly model: ModelManifest;
  /** The models whose outputs are averaged. */
  readonly members: NonEmpty<LoadedMember>;
}

/** The folds that are in one graph, which computes in float16. */
export interface GpuNetworks {
  /** Absolute. */
  readonly onnxFile: string;
  /** The folds of the graph that run, counted from 0. */
  readonly folds: readonly number[];
}

/** One model with the files that run. */
export interface LoadedMember {
  readonly model: ModelManifest;
  /** The absolute paths of the networks, one for each fold. */
  readonly onnxFiles: readonly string[];
  /** The same networks in the form for OpenVINO; null in a model that was converted without them. */
  readonly plainOnnxFiles: readonly string[] | null;
  /** The same networks for GPUs; null if there are none. */
  readonly gpuNetworks: GpuNetworks | null;
  /** The length of the weights of all folds. */
  readonly weightBytes: number;
  /** A cascade's earlier stage; null if there is none, or if its segmentations come from outside. */
  readonly previousStage: LoadedMember | null;
}

/**
 * Reads `manifest.json` of a folder of converted models, and checks that its files exist.
 *
 * @param wantedFolds null for all folds in the folder
 * @throws MODEL_NOT_FOUND, MANIFEST_INVALID, FOLD_MISSING
 */
export async function loadModel(folder: string, wantedFolds: readonly string[] | null): Promise<LoadedModel> {
  const path = join(folder, manifestName);
  const manifest = parseChecked(await readText(path, folder), processorManifest, (reason, cause) =>
    sharedError("MANIFEST_INVALID", `${path} ${reason}`, { cause }),
  );
  const members = await mapInOrder(manifest.models, (model) => loadMember(folder, model, wantedFolds));
  return { folder, manifest, model: manifest.models[0], members };
}

/** Returns the model without the post-processing of the final segmentation. */
export const withoutPostProcessing = (loaded: LoadedModel): LoadedModel => ({
  ...loaded,
  manifest: { ...loaded.manifest, postProcessing: [] },
});

/** Returns the first member that continues a segmentation from outside; null if there is none. */
export const memberWithoutEarlierStage = ({ members }: Pick<LoadedModel, "members">): LoadedMember | null =>
  members.find(({ model, previousStage }) => model.previousStage !== null && previousStage === null) ?? null;

async function loadMember(
  folder: string,
  model: ModelManifest,
  wantedFolds: readonly string[] | null,
): Promise<LoadedMember> {
  const present = model.folds.map(({ fold }) => fold);
  const missing = (wantedFolds ?? []).filter((fold) => !present.includes(fold));
  if (missing.length > 0) {
    throw sharedError(
      "FOLD_MISSING",
      `${folder} has folds ${present.join(", ")} of ${model.configuration}, but not ${missing.join(", ")}`,
    );
  }
  const used = model.folds.filter(
    ({ fold }) => wantedFolds === null || wantedFolds.length === 0 || wantedFolds.includes(fold),
  );
  const onnxFiles: string[] = [];
  let weightBytes = 0;
  for (const files of used) {
    const located = await locate(folder, files);
    onnxFiles.push(located.onnxFile);
    weightBytes += located.bytes;
  }
  const earlier = model.previousStage?.model ?? null;
  const previousStage = earlier === null ? null : await loadMember(folder, earlier, wantedFolds);
  return {
    model,
    onnxFiles,
    plainOnnxFiles: await locatePlainNetworks(folder, model, used),
    gpuNetworks: await locateGpuNetworks(folder, model, used),
    weightBytes,
    previousStage,
  };
}

const maxManifestBytes = 64 << 20;

async function readText(path: string, folder: string): Promise<string> {
  return readTextFile(path, maxManifestBytes).catch((cause: unknown) => {
    throw sharedError(
      "MODEL_NOT_FOUND",
      `${folder} is not a converted model: it has no readable manifest.json`,
      { cause },
    );
  });
}

async function locateGpuNetworks(
  folder: string,
  model: ModelManifest,
  used: readonly FoldFiles[],
): Promise<GpuNetworks | null> {
  const { gpuOnnxFile } = model;
  if (gpuOnnxFile === null) return null;
  await sizeOf(folder, gpuOnnxFile);
  return { onnxFile: join(folder, gpuOnnxFile), folds: used.map((fold) => model.folds.indexOf(fold)) };
}

/** Older models have plain networks in 2-D only, where the network for CPUs is the plain one. */
async function locatePlainNetworks(
  folder: string,
  { plan }: ModelManifest,
  used: readonly FoldFiles[],
): Promise<readonly string[] | null> {
  const files = used.flatMap(
    ({ plainOnnxFile, onnxFile }) => plainOnnxFile ?? (plan.dimensions === 2 ? onnxFile : []),
  );
  if (files.length < used.length) return null;
  for (const file of files) await sizeOf(folder, file);
  return files.map((file) => join(folder, file));
}

async function locate(folder: string, files: FoldFiles) {
  let bytes = 0;
  for (const file of filesOfFold(files)) bytes += await sizeOf(folder, file);
  return { onnxFile: join(folder, files.onnxFile), bytes };
}

/**
 * Returns the length of a file.
 *
 * @throws MANIFEST_INVALID if the file does not exist, or is not below the folder
 */
async function sizeOf(folder: string, file: string): Promise<number> {
  if (file.length > longestPath)
    throw sharedError(
      "MANIFEST_INVALID",
      `${folder}: the manifest names a file in ${file.length} characters; a path may have up to ${longestPath}`,
    );
  if (isAbsolute(file) || normalize(file).startsWith(".."))
    throw sharedError(
      "MANIFEST_INVALID",
      `${folder}: the manifest names ${file}, which is outside the folder`,
    );
  const found = await stat(join(folder, file)).catch(() => null);
  if (found === null) throw sharedError("MANIFEST_INVALID", `${folder}: ${file} is missing`);
  return found.size;
}

import { readFile, stat } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { ProcessorError } from "../errors.js";
import type { FoldFiles, ModelManifest, ProcessorManifest } from "./manifest.js";

/** A converted folder, verified. */
export interface LoadedModel {
  readonly folder: string;
  readonly manifest: ProcessorManifest;
  readonly model: ModelManifest;
  /** Those that will run, with absolute paths. */
  readonly folds: readonly { readonly fold: string; readonly onnxFile: string }[];
}

/**
 * Reads `manifest.json` of a converted folder and checks that its files are there.
 *
 * @param wantedFolds null for all that the folder has
 * @throws MODEL_NOT_FOUND, MANIFEST_INVALID, FOLD_MISSING
 */
export async function loadModel(folder: string, wantedFolds: readonly string[] | null): Promise<LoadedModel> {
  const path = join(folder, "manifest.json");
  const manifest = parseManifest(path, await readText(path, folder));
  const model = manifest.models[0]!;
  const present = model.folds.map(({ fold }) => fold);
  const missing = (wantedFolds ?? []).filter((fold) => !present.includes(fold));
  if (missing.length > 0) {
    throw new ProcessorError(
      "FOLD_MISSING",
      `${folder} has folds ${present.join(", ")}, not ${missing.join(", ")}`,
    );
  }
  const used = model.folds.filter(
    ({ fold }) => wantedFolds === null || wantedFolds.length === 0 || wantedFolds.includes(fold),
  );
  const folds: { fold: string; onnxFile: string }[] = [];
  for (const files of used) folds.push(await locate(folder, files));
  return { folder, manifest, model, folds };
}

async function readText(path: string, folder: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new ProcessorError(
      "MODEL_NOT_FOUND",
      `${folder} has no readable manifest.json: it is no converted model`,
      { cause },
    );
  });
}

function parseManifest(path: string, text: string): ProcessorManifest {
  const invalid = (reason: string): ProcessorError =>
    new ProcessorError("MANIFEST_INVALID", `${path}: ${reason}`);
  let manifest: ProcessorManifest;
  try {
    manifest = JSON.parse(text) as ProcessorManifest;
  } catch (cause) {
    throw invalid(`no JSON: ${(cause as Error).message}`);
  }
  if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest))
    throw invalid("no JSON object");
  if (manifest.manifestVersion !== 1)
    throw invalid(`its version is ${manifest.manifestVersion}, this processor reads 1`);
  if (!Array.isArray(manifest.models) || manifest.models.length !== 1)
    throw invalid("it should list one model");
  const model = manifest.models[0]!;
  for (const key of ["plan", "labels", "network", "folds", "channelNames"] as const) {
    if (typeof model[key] !== "object" || model[key] === null) throw invalid(`models[0].${key} is missing`);
  }
  if (typeof manifest.settings !== "object" || manifest.settings === null)
    throw invalid("settings is missing");
  if (model.folds.length === 0) throw invalid("it lists no folds");
  return manifest;
}

async function locate(folder: string, { fold, onnxFile, weightsFile }: FoldFiles) {
  for (const file of [onnxFile, weightsFile]) {
    if (isAbsolute(file) || normalize(file).startsWith("..")) {
      throw new ProcessorError(
        "MANIFEST_INVALID",
        `${folder}: the manifest names ${file}, outside its folder`,
      );
    }
    if ((await stat(join(folder, file)).catch(() => null)) === null) {
      throw new ProcessorError("MANIFEST_INVALID", `${folder}: ${file} is missing`);
    }
  }
  return { fold, onnxFile: join(folder, onnxFile) };
}

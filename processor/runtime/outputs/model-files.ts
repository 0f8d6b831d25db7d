import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ModelManifest } from "../../contract/manifest.js";
import { type EventListener, runNote } from "../../contract/progress/run-event.js";
import { sharedError } from "../../contract/shared-errors.js";
import { writeFileWhole } from "../../files/write-file.js";
import type { Existing } from "./check-outputs.js";

/**
 * The files that nnU-Net v2 writes next to its predictions, where its ensembling, evaluation and post-processing read
 * them.
 */
const names = ["dataset.json", "plans.json"] as const;

/** A folder of converted models and the first of these models. */
export interface ModelFolder {
  readonly folder: string;
  readonly model: Pick<ModelManifest, "nnunetVersion" | "folds">;
}

export interface ModelFilesOptions {
  readonly folder: string;
  readonly existing: Existing;
  readonly onEvent: EventListener;
}

/**
 * Copies the first model's `dataset.json` and `plans.json` next to its outputs. Models of v1 have no such files.
 *
 * @throws OUTPUT_EXISTS if a file of that name has other contents, unless it may be replaced or must be kept
 */
export async function writeModelFiles(
  { folder: modelFolder, model }: ModelFolder,
  { folder, existing, onEvent }: ModelFilesOptions,
): Promise<void> {
  if (model.nnunetVersion === 1) return;
  for (const name of names) {
    const bytes = await readNearest(name, modelFolder, dirname(model.folds[0].onnxFile));
    if (bytes === null) {
      onEvent(
        runNote("model-file-missing", `the converted model has no ${name}, which nnUNetv2_ensemble needs`),
      );
      continue;
    }
    const path = join(folder, name);
    const present = await presentAt(path);
    if (present !== null && (existing === "continue" || present.equals(bytes))) continue;
    if (present !== null && existing === "error")
      throw sharedError("OUTPUT_EXISTS", `${path} has other contents than the model's own file of that name`);
    await writeFileWhole(path, [bytes]);
  }
}

/**
 * Returns the bytes of a file; null if nothing exists at the path; empty for a folder, a FIFO or another thing without
 * bytes of its own.
 */
async function presentAt(path: string): Promise<Buffer | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  return found.isFile() ? await readFile(path).catch(() => Buffer.alloc(0)) : Buffer.alloc(0);
}

/**
 * Reads a file of a fold or, if the fold has none, of its model; returns null if there is none. Each of several models
 * has its own folder, in which a fold may have one too.
 */
async function readNearest(name: string, modelFolder: string, below: string): Promise<Buffer | null> {
  const bytes = await readFile(join(modelFolder, below, name)).catch(() => null);
  return bytes === null && below !== "." ? readNearest(name, modelFolder, dirname(below)) : bytes;
}

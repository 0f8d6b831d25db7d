import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ModelManifest } from "../../contract/manifest.js";
import { type EventListener, runNote } from "../../contract/progress/run-event.js";
import { sharedError } from "../../contract/shared-errors.js";
import { writeFileWhole } from "../../files/write-file.js";
import type { Existing } from "./check-outputs.js";

/** What nnU-Net v2 leaves beside its predictions, and its ensembling, evaluation and post-processing look for there. */
const names = ["dataset.json", "plans.json"] as const;

/** A converted folder and the first of its models. */
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
 * Copies the first model's `dataset.json` and `plans.json` beside its answers. Models of v1 have none.
 *
 * @throws OUTPUT_EXISTS when a file of that name holds something else, unless it may be replaced or is to be kept
 */
export async function writeModelFiles(
  { folder: modelFolder, model }: ModelFolder,
  { folder, existing, onEvent }: ModelFilesOptions,
): Promise<void> {
  if (model.nnunetVersion === 1) return;
  for (const name of names) {
    const bytes = await readNearest(name, modelFolder, dirname(model.folds[0]!.onnxFile));
    if (bytes === null) {
      onEvent(
        runNote(
          "model-file-missing",
          `the converted model has no ${name}: nnUNetv2_ensemble will ask for it`,
        ),
      );
      continue;
    }
    const path = join(folder, name);
    const present = await presentAt(path);
    if (present !== null && (existing === "continue" || present.equals(bytes))) continue;
    if (present !== null && existing === "error")
      throw sharedError("OUTPUT_EXISTS", `${path} is to be the model's own and holds something else`);
    await writeFileWhole(path, [bytes]);
  }
}

/** Null where there is nothing; empty for a folder, a FIFO or another thing that holds no bytes of its own. */
async function presentAt(path: string): Promise<Buffer | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  return found.isFile() ? await readFile(path).catch(() => Buffer.alloc(0)) : Buffer.alloc(0);
}

/** Each of several models has a folder of its own, in which a fold may have one. Null where there is none. */
async function readNearest(name: string, modelFolder: string, below: string): Promise<Buffer | null> {
  const bytes = await readFile(join(modelFolder, below, name)).catch(() => null);
  return bytes === null && below !== "." ? readNearest(name, modelFolder, dirname(below)) : bytes;
}

import { stat } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import type { ImageSettings } from "../../contract/run-settings.js";
import { readBatchFile, readOwnManifest } from "../batch/batch-file.js";
import { batchFolder } from "../batch/batch-folder.js";
import { batchError } from "../batch/errors.js";
import { modelDigest } from "../batch/model-digest.js";
import { loadChecked, type OpenedBatch, openedBatch } from "../batch/open-batch.js";

/** The most batches that a worker keeps open. */
const mostOpen = 8;

/** Opens the batches that a queue's jobs name. */
export class QueuedBatches {
  readonly #dataRoots: readonly string[];
  readonly #ownSettings: (settings: ImageSettings) => ImageSettings;
  readonly #open = new Map<string, Promise<OpenedBatch>>();

  /**
   * @param dataRoots the folders that batches may be in; empty for any
   * @param ownSettings replaces the settings that depend on this machine
   */
  constructor(dataRoots: readonly string[], ownSettings: (settings: ImageSettings) => ImageSettings) {
    this.#dataRoots = dataRoots.map((root) => resolve(root));
    this.#ownSettings = ownSettings;
  }

  /** @throws BATCH_NOT_FOUND, BATCH_DIFFERS, and what loading the model throws */
  async open(root: string, signal: AbortSignal): Promise<OpenedBatch> {
    if (!isAbsolute(root) || !this.#isAllowed(root))
      throw batchError(
        "BATCH_NOT_FOUND",
        `the queue names ${root}, which is not below this worker's data roots`,
      );
    const folder = batchFolder(root);
    const found = await stat(folder.batchFile).catch(() => null);
    // A batch that replaced another one has another file.
    const key = `${root}\n${found?.ino}:${found?.mtimeMs}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    if (this.#open.size >= mostOpen) this.#open.delete(this.#open.keys().next().value!);
    const opening = this.#read(root, signal);
    this.#open.set(key, opening);
    opening.catch(() => this.#open.delete(key));
    return opening;
  }

  #isAllowed(path: string): boolean {
    if (this.#dataRoots.length === 0) return true;
    return this.#dataRoots.some((root) => {
      const below = relative(root, resolve(path));
      return below !== "" && !below.startsWith("..") && !isAbsolute(below);
    });
  }

  async #read(root: string, signal: AbortSignal): Promise<OpenedBatch> {
    const folder = batchFolder(root);
    const file = await readBatchFile(folder);
    if (file.hookDigest !== null)
      throw batchError("BATCH_DIFFERS", `${root} has hooks, which a worker of a queue does not run`);
    const { folder: modelDir, folds, appliesPostProcessing, digest, name } = file.model;
    const settings = this.#ownSettings(file.settings);
    const model = { modelDir, folds, appliesPostProcessing, settings, hookModule: null };
    const { loaded, results } = await loadChecked(model);
    if ((await modelDigest(loaded, signal)) !== digest)
      throw batchError("BATCH_DIFFERS", `${modelDir} is no longer the model ${name} of the batch ${root}`);
    return openedBatch({ folder, file, manifest: await readOwnManifest(folder, file), model, results });
  }
}

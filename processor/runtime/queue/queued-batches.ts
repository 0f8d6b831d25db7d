import { realpath, stat } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import type { ImageSettings } from "../../contract/run-settings.js";
import type { BatchCase } from "../batch/batch-case.js";
import { readBatchFile, readOwnManifest } from "../batch/batch-file.js";
import { batchFolder } from "../batch/batch-folder.js";
import { batchError } from "../batch/errors.js";
import { modelDigest } from "../batch/model-digest.js";
import { loadChecked, type OpenedBatch, openedBatch } from "../batch/open-batch.js";
import { isInside } from "../service/requests/data-roots.js";

/** The most batches that a worker keeps open. */
const mostOpen = 8;

export interface QueuedBatchesOptions {
  /** The folders that batches and their models may be in; empty for any. */
  readonly dataRoots: readonly string[];
  /** The converted model of an image, for batches of the same model; null outside one. */
  readonly ownModel: string | null;
  /** Replaces the settings that depend on this machine. */
  readonly ownSettings: (settings: ImageSettings) => ImageSettings;
}

/** Opens the batches that a queue's jobs name. */
export class QueuedBatches {
  readonly #dataRoots: readonly string[];
  readonly #ownSettings: QueuedBatchesOptions["ownSettings"];
  readonly #ownModel: string | null;
  readonly #open = new Map<string, Promise<OpenedBatch>>();

  constructor({ dataRoots, ownSettings, ownModel }: QueuedBatchesOptions) {
    this.#dataRoots = dataRoots.map((root) => resolve(root));
    this.#ownSettings = ownSettings;
    this.#ownModel = ownModel;
  }

  /** @throws BATCH_NOT_FOUND, BATCH_DIFFERS, and what loading the model throws */
  async open(root: string, signal: AbortSignal): Promise<OpenedBatch> {
    await this.#requireAllowed(root, "the queue names");
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

  /** Returns an image of a case that is not below the data roots; null if there is none. */
  async imageOutside({ inputs }: BatchCase): Promise<string | null> {
    for (const { path } of inputs) if (!(await this.#isAllowed(path))) return path;
    return null;
  }

  async #isAllowed(path: string): Promise<boolean> {
    if (isAbsolute(path) && this.#dataRoots.length === 0) return true;
    const real = await realOf(path);
    const roots = await Promise.all(this.#dataRoots.map(realOf));
    return isAbsolute(path) && roots.some((root) => isInside(real, root));
  }

  async #requireAllowed(path: string, whoNamesIt: string): Promise<void> {
    if (await this.#isAllowed(path)) return;
    throw batchError("BATCH_NOT_FOUND", `${whoNamesIt} ${path}, which is not below this worker's data roots`);
  }

  async #read(root: string, signal: AbortSignal): Promise<OpenedBatch> {
    const folder = batchFolder(root);
    const file = await readBatchFile(folder);
    if (file.hookDigest !== null)
      throw batchError("BATCH_DIFFERS", `${root} has hooks, which a worker of a queue does not run`);
    const { folds, appliesPostProcessing, digest, name } = file.model;
    const settings = this.#ownSettings(file.settings);
    const own = this.#ownModel;
    for (const modelDir of own === null ? [file.model.folder] : [own, file.model.folder]) {
      if (modelDir !== own) await this.#requireAllowed(modelDir, `the batch ${root} names the model`);
      const model = { modelDir, folds, appliesPostProcessing, settings, hookModule: null };
      const checked = await loadChecked(model).catch((error: unknown) => {
        // An image's model may lack the folds of another one.
        if (modelDir === own && modelDir !== file.model.folder) return null;
        throw error;
      });
      if (checked === null || (await modelDigest(checked.loaded, signal)) !== digest) continue;
      const { results } = checked;
      return openedBatch({ folder, file, manifest: await readOwnManifest(folder, file), model, results });
    }
    throw batchError(
      "BATCH_DIFFERS",
      `${file.model.folder} is no longer the model ${name} of the batch ${root}`,
    );
  }
}

/** Follows links, because one below a data root could lead out of it. */
const realOf = (path: string): Promise<string> => realpath(path).catch(() => resolve(path));

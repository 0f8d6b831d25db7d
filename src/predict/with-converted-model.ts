import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../processor/files/make-folder.js";
import { makeTemporaryFolder } from "../../processor/files/temporary-folder.js";
import { completeConfig } from "../config/config.js";
import { convertModel } from "../convert/convert-model.js";
import type { ModelSet } from "../models/model-set.js";
import type { WorkContext } from "../models/work-context.js";

export interface ScratchOptions {
  readonly work: WorkContext;
  /** The folder for temporary folders, which is made if necessary; null for the system's. */
  readonly parent: string | null;
}

/** Converts the models into a temporary folder, which is deleted after `use`. */
export async function withConvertedModel<T>(
  models: ModelSet,
  { work: { progress, signal }, parent }: ScratchOptions,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  if (parent !== null) await makeFolder(parent);
  const scratch = await makeTemporaryFolder("model", parent);
  try {
    const { folder } = await convertModel({
      models,
      outputDir: join(scratch, "model"),
      progress,
      signal,
      settings: completeConfig({}).settings,
    });
    return await use(folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

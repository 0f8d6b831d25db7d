import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completeConfig } from "../config/config.js";
import { convertModel } from "../convert/convert-model.js";
import type { ModelSet } from "../models/model-set.js";
import type { WorkContext } from "../models/work-context.js";

/** Converts the models into a temporary folder, which is deleted after `use`. */
export async function withConvertedModel<T>(
  models: ModelSet,
  { progress, signal }: WorkContext,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), "nnunet-processor-"));
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

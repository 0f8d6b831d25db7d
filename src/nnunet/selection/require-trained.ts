import { readdir } from "node:fs/promises";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { whyUnreadable } from "../../../processor/files/why-unreadable.js";
import { neighbouringModels } from "../model-files/neighbouring-models.js";

/** @throws MODEL_NOT_FOUND if the folder of a model cannot be listed */
export async function requireTrained(modelFolder: string): Promise<void> {
  await readdir(modelFolder).catch(async (cause: NodeJS.ErrnoException) => {
    const remedy =
      cause.code === "ENOENT" ? `: train this model first${await neighbouringModels(modelFolder)}` : "";
    const why = await whyUnreadable(modelFolder, cause);
    throw sharedError("MODEL_NOT_FOUND", `${modelFolder}${why}${remedy}`, { cause });
  });
}

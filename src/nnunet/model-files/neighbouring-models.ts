import { readdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { someOf } from "../../ground/some-of.js";

/**
 * Returns the end of a message about the folder of a model that does not exist: the models next to it, with the flags that
 * choose one. Empty if there are none.
 */
export async function neighbouringModels(modelFolder: string): Promise<string> {
  const dataset = dirname(modelFolder);
  const names = await readdir(dataset).catch(() => []);
  const models = names.filter((name) => name.includes("__")).sort();
  return models.length === 0
    ? ""
    : `; ${basename(dataset)} has ${someOf(models)} (--trainer, --plans and --configuration name the parts)`;
}

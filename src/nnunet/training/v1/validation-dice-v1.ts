import { join } from "node:path";
import { exists } from "../../../../processor/files/exists.js";
import { meanForeground, readDices } from "../../selection/v1/score-of-v1.js";

/** Returns the mean Dice of all labels in the validation of a fold, which v1 does not print; null before it is there. */
export async function validationDiceOfV1(foldFolder: string): Promise<number | null> {
  const summary = join(foldFolder, "validation_raw", "summary.json");
  return (await exists(summary)) ? meanForeground(await readDices(summary)) : null;
}

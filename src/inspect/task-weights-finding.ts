import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Finding, notChecked, pass } from "../ground/finding.js";
import { weightsFolderIn } from "../models/totalsegmentator-weights.js";
import { weightsFolders } from "../totalsegmentator/task-table.js";

/** Counts the networks of TotalSegmentator's tasks that this machine has. */
export async function taskWeightsFinding(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Finding> {
  const check = "TotalSegmentator";
  const folder = weightsFolderIn(environment);
  const names = weightsFolders();
  const present = folder === null ? [] : await Promise.all(names.map((name) => isThere(join(folder, name))));
  const count = present.filter(Boolean).length;
  return count === 0
    ? notChecked(check, "no weights of its own programs; a task's weights are fetched when it is first used")
    : pass(check, `${count} of ${names.length} networks in ${folder}`);
}

const isThere = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null;

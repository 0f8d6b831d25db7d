import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type FoundCase, imageFile } from "./case.js";

/** The ending of a case that NVIDIA's preprocessing wrote. */
export const preparedEnding = "_x.npy";

/** Finds the cases in folders that NVIDIA's `preprocess.py` wrote: `<case>_x.npy`, sorted. */
export async function findPreparedCases(inputs: readonly string[]): Promise<readonly FoundCase[]> {
  const cases: FoundCase[] = [];
  for (const input of inputs) {
    const names = await readdir(input).catch(() => []);
    for (const name of names.filter((entry) => entry.endsWith(preparedEnding)).sort())
      cases.push({
        name: name.slice(0, -preparedEnding.length),
        inputs: [imageFile(join(input, name))],
        ending: ".nii.gz",
      });
  }
  return cases;
}

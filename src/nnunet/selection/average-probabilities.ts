import { roundToHalf } from "../../../processor/imaging/volume/float16.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { type FloatArray, readNpz } from "../files/read-npz.js";

/**
 * Averages an array of several `.npz` files as nnU-Net does: float32 sums in the order of the files, then one division.
 *
 * @param files at least one
 * @param array its name, and whether an average of float16 is float16 again
 * @throws PROBABILITIES_INVALID if the files do not fit each other
 */
export async function averageProbabilities(
  files: readonly string[],
  { name, keepsHalf }: { readonly name: string; readonly keepsHalf: boolean },
): Promise<FloatArray> {
  const [first, ...others] = files;
  const sum = await readNpz(first!, name);
  const { values } = sum;
  let isHalf = keepsHalf && sum.type === "f2";
  for (const file of others) {
    const next = await readNpz(file, name);
    if (next.shape.join() !== sum.shape.join())
      throw nnunetError(
        "PROBABILITIES_INVALID",
        `${file} has an array of ${next.shape.join(" × ")}, but ${first} one of ${sum.shape.join(" × ")}`,
      );
    isHalf &&= next.type === "f2";
    for (let i = 0; i < values.length; i++) values[i]! += next.values[i]!;
  }
  for (let i = 0; i < values.length; i++) values[i]! /= files.length;
  if (isHalf) for (let i = 0; i < values.length; i++) values[i] = roundToHalf(values[i]!);
  return { ...sum, type: isHalf ? "f2" : "f4" };
}

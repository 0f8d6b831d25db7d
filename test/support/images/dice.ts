import type { Image } from "../../../processor/imaging/volume/image.js";

/** Returns the Dice; 1 if neither segmentation has the label. */
export function dice(a: Image, b: Image, label: number): number {
  let both = 0;
  let sum = 0;
  for (let i = 0; i < b.voxels.length; i++) {
    const inA = Number(a.voxels[i]) === label;
    const inB = Number(b.voxels[i]) === label;
    both += Number(inA && inB);
    sum += Number(inA) + Number(inB);
  }
  return sum === 0 ? 1 : (2 * both) / sum;
}

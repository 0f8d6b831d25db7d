/** A module for `--process-img-file`. It clips intensities before segmentation and removes a label that is too small after it. */
import type { Image, LabelMap, PreProcessContext } from "nnunet-processor/hooks";

const lowest = -1000;
const highest = 1000;

/** Fewer voxels of this label count as noise. */
const label = 2;
const fewestVoxels = 50;

export function preProcessImage(image: Image, _context: PreProcessContext): Image {
  const voxels = new Float32Array(image.voxels.length);
  for (let i = 0; i < voxels.length; i++)
    voxels[i] = Math.min(highest, Math.max(lowest, Number(image.voxels[i])));
  return { ...image, voxels };
}

export function postProcessImage({ labelMap }: { readonly labelMap: LabelMap }): LabelMap {
  const voxels = labelMap.voxels.slice();
  let count = 0;
  for (const value of voxels) count += Number(value === label);
  if (count >= fewestVoxels) return labelMap;
  for (let i = 0; i < voxels.length; i++) if (voxels[i] === label) voxels[i] = 0;
  return { ...labelMap, voxels };
}

import type { ModelManifest } from "../../contract/manifest.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { largestLabel } from "../postprocess/largest-label.js";

/**
 * Returns the label map in the type that nnU-Net's writer chooses for the values of the case: uint8 if they are all
 * below 255, else uint16 (`write_seg` of SimpleITKIO, NibabelIO, NaturalImage2DIO, Tiff3DIO). SimpleITKIOWithReorient
 * and nnU-Net v1 always write uint8, so that labels above 255 wrap around; this function keeps their values, in uint16.
 */
export function inWritersType(
  labelMap: LabelMap,
  { plan, nnunetVersion, labels }: Pick<ModelManifest, "plan" | "nnunetVersion" | "labels">,
): LabelMap {
  const { voxels } = labelMap;
  const writesByte = nnunetVersion === 1 || plan.imageReader === "SimpleITKIOWithReorient";
  const firstWide = writesByte ? 256 : 255;
  if (voxels instanceof Uint8Array && largestLabel(labels) < firstWide) return labelMap;
  const isWide = largestOf(voxels) >= firstWide;
  if (isWide === voxels instanceof Uint16Array) return labelMap;
  return { ...labelMap, voxels: isWide ? Uint16Array.from(voxels) : Uint8Array.from(voxels) };
}

function largestOf(voxels: LabelMap["voxels"]): number {
  let largest = 0;
  for (let i = 0; i < voxels.length; i++) largest = Math.max(largest, voxels[i]!);
  return largest;
}

import { type DicomElements, type DicomValue, sliceElements } from "../images/dicom-builder.js";

/** A small CT whose voxels all differ. */
export const phantom = {
  voxels: Int16Array.from({ length: 4 * 3 * 5 }, (_, i) => i - 20),
  sizeZyx: [4, 3, 5] as const,
  spacingMmZyx: [2.5, 1.1, 0.9] as const,
  originMmXyz: [-10, -20, 30] as const,
};

/** A new element for a tag; null removes it. */
export type ElementChange = readonly [tag: number, element: readonly [string, DicomValue] | null];

/** Returns the elements of a slice of the phantom, changed. */
export function phantomSlice(z: number, changes: readonly ElementChange[]): DicomElements {
  const pixels = phantom.sizeZyx[1] * phantom.sizeZyx[2];
  const elements = new Map(sliceElements(phantom, z, phantom.voxels.subarray(z * pixels, (z + 1) * pixels)));
  for (const [tag, element] of changes)
    if (element === null) elements.delete(tag);
    else elements.set(tag, element);
  return elements;
}

import type { CaseReport } from "../case.js";
import type { LabelDefinition } from "../model/manifest.js";
import { extentOf } from "../volume/extent.js";
import type { LabelMap } from "../volume/label-map.js";

/** The voxels of every foreground label and their volume (in a flat image their area), in ascending order of labels. */
export function countLabels(
  { voxels, geometry }: LabelMap,
  definition: LabelDefinition,
): NonNullable<CaseReport["labels"]> {
  const counts = new Float64Array(65536);
  for (let i = 0; i < voxels.length; i++) counts[voxels[i]!]!++;
  return definition.foregroundLabels.map((label) => ({
    label,
    name: definition.names.find(({ value }) => value === label)?.name ?? `label ${label}`,
    voxels: counts[label]!,
    ...extentOf(counts[label]!, geometry),
  }));
}

import type { CaseReport } from "../case.js";
import type { LabelDefinition } from "../model/manifest.js";
import type { LabelMap } from "../volume/label-map.js";

/** Voxels and millilitres of every foreground label, in ascending order. */
export function countLabels(
  { voxels, geometry }: LabelMap,
  definition: LabelDefinition,
): NonNullable<CaseReport["labels"]> {
  const counts = new Float64Array(65536);
  for (let i = 0; i < voxels.length; i++) counts[voxels[i]!]!++;
  const cubicMillimetres = geometry.spacingMmZyx.reduce((product, spacing) => product * spacing, 1);
  return definition.foregroundLabels.map((label) => ({
    label,
    name: definition.names.find(({ value }) => value === label)?.name ?? `label ${label}`,
    voxels: counts[label]!,
    millilitres: Number(((counts[label]! * cubicMillimetres) / 1000).toPrecision(6)),
  }));
}

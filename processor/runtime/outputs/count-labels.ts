import type { LabelDefinition } from "../../contract/manifest.js";
import { extentOf } from "../../imaging/volume/extent.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import { classNames } from "../postprocess/class-map.js";

/**
 * Counts the voxels of every foreground label, and computes their volume (or area in a flat image), in ascending order
 * of labels.
 */
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

/** Returns the labels of a segmentation; a single one for a segmentation that is made of the candidates of a class. */
export function labelsOf({ refinement }: CaseRequest, labels: LabelDefinition): LabelDefinition {
  const candidates = refinement?.candidates ?? null;
  if (candidates === null) return labels;
  const name = nameOfClasses(labels, candidates.classes);
  return { ...labels, names: [{ name, value: 1 }], foregroundLabels: [1] };
}

/** Returns the name of output channels of the networks: labels or regions; null for all of them. */
export function nameOfClasses(labels: LabelDefinition, classes: readonly number[] | null): string {
  const names = classNames(labels);
  return (classes ?? labels.foregroundLabels).map((index) => names[index] ?? `class ${index}`).join(" + ");
}

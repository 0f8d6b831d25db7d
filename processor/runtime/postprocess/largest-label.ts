import type { LabelDefinition } from "../../contract/manifest.js";

/** Returns the largest value that a model can write: the largest label of a region, or the number of its last class. */
export const largestLabel = ({ regionsClassOrder, foregroundLabels }: LabelDefinition): number =>
  regionsClassOrder === null
    ? foregroundLabels.length
    : regionsClassOrder.reduce((largest, label) => Math.max(largest, label), 0);

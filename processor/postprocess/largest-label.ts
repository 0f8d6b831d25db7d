import type { LabelDefinition } from "../model/manifest.js";

/** The largest value that a model may write: a region's label, or the number of its last class. */
export const largestLabel = ({ regionsClassOrder, foregroundLabels }: LabelDefinition): number =>
  regionsClassOrder === null
    ? foregroundLabels.length
    : regionsClassOrder.reduce((largest, label) => Math.max(largest, label), 0);

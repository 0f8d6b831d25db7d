import { keepLargestPart, mergePart, relabel, removeSmallParts } from "./clean-labels.js";
import { keepWithin } from "./keep-within.js";
import { measureClasses } from "./measure-classes.js";
import { findSkin } from "./skin.js";
import { cutToBodies, orderVertebrae } from "./vertebrae.js";
import { zoomLabels } from "./zoom-labels.js";

/** The functions of TotalSegmentator's tasks that run in a worker. */
export const taskKernels = {
  keepLargestPart,
  mergePart,
  relabel,
  removeSmallParts,
  keepWithin,
  measureClasses,
  findSkin,
  cutToBodies,
  orderVertebrae,
  zoomLabels,
} as const;

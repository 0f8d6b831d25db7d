import { writeLabelMap } from "../../imaging/formats/write-image.js";
import type { OutputOf, SegmentationKind } from "./output-kind.js";

/** The segmentation as an image of labels. The ending of its name decides the format. */
export const labelMapOutput: SegmentationKind<OutputOf<"label-map">> = {
  takes: "segmentation",
  files: (path) => [path],
  mayBeAbsent: false,
  write: ({ path }, labelMap, source) => writeLabelMap(labelMap, path, source),
};

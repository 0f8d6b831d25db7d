import type { LabelMap } from "../../imaging/volume/label-map.js";
import { placeOf } from "../cases/case.js";
import { openProbabilities } from "../outputs/output-kinds.js";
import { type ExportSource, exportLabels } from "../postprocess/export-labels.js";
import { exportNetworkLabels } from "../postprocess/export-network-labels.js";
import type { ReadCase } from "./read-case.js";
import type { SegmentContext } from "./segment-context.js";

/** Turns the networks' outputs into labels on the image's grid, and writes their probabilities if requested. */
export async function exportAnswer(
  sources: readonly ExportSource[],
  { request, image }: Pick<ReadCase, "request" | "image">,
  { opened: { model }, settings: { exportMode }, tools: { pool } }: SegmentContext,
): Promise<LabelMap> {
  const { labels, nnunetVersion } = model;
  const [first] = sources as [ExportSource];
  if (exportMode !== "normal") return exportNetworkLabels(first, { labels, pool, mode: exportMode });
  const { history, plan, stream } = first;
  const probabilities = await openProbabilities(request, {
    nnunetVersion,
    heads: stream.heads,
    history,
    plan,
    labels,
    networkSizeZyx: stream.sizeZyx,
    image,
    inputPlaces: request.inputs.map(placeOf),
  });
  try {
    const labelMap = await exportLabels(sources, { labels, pool, probabilities });
    await probabilities?.finish();
    return labelMap;
  } finally {
    await probabilities?.discard();
  }
}

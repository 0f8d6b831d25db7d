import { writeFileWhole } from "../../files/write-file.js";
import { nibabelAffine } from "../../imaging/formats/nifti/nibabel-affine.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { propertiesFileOf, propertiesPickle } from "../../nnunet-files/properties-pickle.js";
import { propertiesPickleV1 } from "../../nnunet-files/properties-pickle-v1.js";
import { openProbabilityFile } from "../outputs/probability-file.js";
import { type ExportSource, exportLabels } from "../postprocess/export-labels.js";
import { exportNetworkLabels } from "../postprocess/export-network-labels.js";
import type { ReadCase } from "./read-case.js";
import type { SegmentContext } from "./segment-context.js";

/** Turns the networks' answers into labels on the image's grid, and writes their probabilities on the way if asked for. */
export async function exportAnswer(
  sources: readonly ExportSource[],
  { request, image }: Pick<ReadCase, "request" | "image">,
  { opened: { model }, settings: { exportMode }, tools: { pool } }: SegmentContext,
): Promise<LabelMap> {
  const { labels, nnunetVersion } = model;
  const { probabilitiesFile, channelFiles } = request;
  const [first] = sources as [ExportSource];
  const { history, plan, stream } = first;
  if (exportMode !== "normal") return exportNetworkLabels(first, { labels, pool, mode: exportMode });
  if (probabilitiesFile === null) return exportLabels(sources, { labels, pool, probabilities: null });
  const form = { nnunetVersion, heads: stream.heads, history, plan, labels };
  const file = await openProbabilityFile(probabilitiesFile, form);
  try {
    const labelMap = await exportLabels(sources, { labels, pool, probabilities: file });
    await file.finish();
    const properties =
      nnunetVersion === 1
        ? propertiesPickleV1({ history, plan, labels, networkSizeZyx: stream.sizeZyx, channelFiles })
        : propertiesPickle({ imageReader: plan.imageReader, history, image, affine: nibabelAffine(image) });
    await writeFileWhole(propertiesFileOf(probabilitiesFile), [properties]);
    return labelMap;
  } finally {
    await file.discard();
  }
}

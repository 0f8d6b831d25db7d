import type { NonEmpty } from "../../contract/non-empty.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { ProbabilityMap } from "../../imaging/volume/probability-map.js";
import { placeOf } from "../cases/case.js";
import { openProbabilities } from "../outputs/output-kinds.js";
import { openBratsLabels } from "../postprocess/brats-labels.js";
import { openClassMap } from "../postprocess/class-map.js";
import { type ExportSource, exportLabels, type ProbabilitySink } from "../postprocess/export-labels.js";
import { exportMonaiLabels } from "../postprocess/export-monai-labels.js";
import { exportNetworkLabels } from "../postprocess/export-network-labels.js";
import type { ReadCase } from "./read-case.js";
import type { SegmentContext } from "./segment-context.js";

/** The networks' answer in their own orientation of the image. */
export interface Answer {
  readonly labelMap: LabelMap;
  /** The probabilities of the class whose candidates are looked for; null if there is none. */
  readonly classMap: ProbabilityMap | null;
}

/** Turns the networks' outputs into labels on the image's grid, and writes their probabilities if requested. */
export async function exportAnswer(
  sources: NonEmpty<ExportSource>,
  { request, image, crop }: Pick<ReadCase, "request" | "image" | "crop">,
  { opened: { model }, settings: { exportMode }, tools: { pool } }: SegmentContext,
): Promise<Answer> {
  const { labels, nnunetVersion } = model;
  const [first] = sources;
  if (exportMode !== "normal") {
    const labelMap = await exportNetworkLabels(first, { labels, pool, mode: exportMode });
    return { labelMap, classMap: null };
  }
  const { history, plan, stream } = first;
  const candidates = request.refinement?.candidates ?? null;
  const classMap =
    candidates === null
      ? null
      : openClassMap({
          grid: first,
          labels,
          heads: stream.heads,
          classes: candidates.classes,
        });
  const probabilities = await openProbabilities(request, {
    nnunetVersion,
    heads: stream.heads,
    history,
    plan,
    labels,
    networkSizeZyx: stream.sizeZyx,
    image,
    crop,
    inputPlaces: request.inputs.map(placeOf),
  });
  try {
    const year = plan.nvidia?.brats ?? null;
    const brats = year === null ? null : openBratsLabels(first, year);
    const sinks = [probabilities, classMap, brats].filter((sink) => sink !== null);
    const labelMap =
      plan.monai?.labelsOn === "network"
        ? await exportMonaiLabels(first, plan.monai, { labels, pool })
        : await exportLabels(sources, { labels, pool, probabilities: sinkOf(sinks) });
    await probabilities?.finish();
    return { labelMap: brats?.labels() ?? labelMap, classMap: classMap?.map ?? null };
  } finally {
    await probabilities?.discard();
  }
}

function sinkOf(sinks: readonly ProbabilitySink[]): ProbabilitySink | null {
  if (sinks.length === 0) return null;
  return {
    async writeSlice(z, planes) {
      for (const sink of sinks) await sink.writeSlice(z, planes);
    },
  };
}

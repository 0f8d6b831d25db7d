import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { ProbabilityMap } from "../../imaging/volume/probability-map.js";
import type { FoundCandidates } from "../postprocess/candidates.js";
import type { RuntimePool } from "../threads/kernels.js";
import type { Answer } from "./export-answer.js";
import type { ReadCase } from "./read-case.js";

/** An answer of which only the requested parts are left. */
export interface RefinedAnswer {
  readonly labelMap: LabelMap;
  /** The probabilities in the candidates; null if the labels are the networks' own. */
  readonly candidateMap: ProbabilityMap | null;
  readonly candidates: FoundCandidates | null;
}

/** Makes the segmentation from one class's candidates, or removes its parts outside a mask, as the request says. */
export async function refineAnswer(
  { labelMap, classMap }: Answer,
  { request: { refinement }, reference, isEmpty }: Pick<ReadCase, "request" | "reference" | "isEmpty">,
  pool: RuntimePool,
): Promise<RefinedAnswer> {
  const unchanged = { labelMap, candidateMap: null, candidates: null };
  if (refinement === null) return unchanged;
  if (isEmpty) for (const map of [labelMap, classMap]) map?.voxels.fill(0);
  const { sizeZyx } = labelMap.geometry;
  const { smallestObject, keptLabels } = refinement;
  if (keptLabels !== undefined) keepLabels(labelMap, keptLabels);
  if (smallestObject !== null)
    await pool.run("removeSmallObjects", { labels: labelMap.voxels, sizeZyx, smallest: smallestObject });
  const mask =
    reference === null || refinement.reference === null
      ? null
      : { voxels: reference.voxels, minIntersection: refinement.reference.minIntersection };
  if (refinement.candidates === null || classMap === null) {
    if (mask !== null) await pool.run("keepOverlapping", { ...mask, labels: labelMap.voxels, sizeZyx });
    return unchanged;
  }
  const voxels = new Uint8Array(new SharedArrayBuffer(classMap.voxels.length));
  const { threshold, minConfidence } = refinement.candidates;
  const candidates = await pool.run("extractCandidates", {
    probabilities: classMap.voxels,
    mask: voxels,
    sizeZyx,
    threshold,
    minConfidence,
    reference: mask,
  });
  return { labelMap: { ...labelMap, voxels }, candidateMap: classMap, candidates };
}

/** Sets all other labels to 0, in place. */
function keepLabels({ voxels }: LabelMap, labels: readonly number[]): void {
  const isKept = new Uint8Array(65536);
  for (const label of labels) isKept[label] = 1;
  for (let i = 0; i < voxels.length; i++) if (isKept[voxels[i]!] === 0) voxels[i] = 0;
}

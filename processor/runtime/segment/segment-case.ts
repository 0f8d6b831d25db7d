import { isNibabel, reorients } from "../../contract/reader-class.js";
import { nibabelAffine } from "../../imaging/formats/nifti/nibabel-affine.js";
import { cropLabels, cropVolume, putBack } from "../../imaging/volume/cropped-grid.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { orientationLetters } from "../../imaging/volume/reorient.js";
import type { CaseRequest } from "../cases/case.js";
import { inWritersType } from "../outputs/label-type.js";
import { writeResults } from "../outputs/output-kinds.js";
import { removeComponents, type StepReport } from "../postprocess/remove-components.js";
import type { Prepared } from "../preprocess/prepared.js";
import { type ReorientedCase, reorientCase, withoutReorientation } from "../preprocess/reorient-case.js";
import { type Answer, exportAnswer } from "./export-answer.js";
import { firstStage, type MemberInput, predictMembers, prepareStage } from "./predict-members.js";
import { type ReadCase, readCase } from "./read-case.js";
import { type RefinedAnswer, refineAnswer } from "./refine-answer.js";
import type { SegmentContext } from "./segment-context.js";

/**
 * Segments one case, from its input files to its output files. `runCases` calls the same steps, so that neighbouring
 * cases overlap.
 */
export async function segmentCase(request: CaseRequest, context: SegmentContext): Promise<Segmented> {
  const read = await readCase(request, context);
  const prepared = await preprocessCase(read, context);
  const answer = await predictCase(prepared, context);
  const segmented = await postprocessCase(answer, prepared, context);
  const written = await writeCase(segmented, prepared, context);
  return { ...segmented, labelMap: written };
}

/** A case that waits for the network. */
export interface PreparedCase {
  readonly read: Omit<ReadCase, "volume" | "previousStage">;
  /** The case on the grid of the stage that runs first. */
  readonly prepared: Prepared;
  readonly input: MemberInput;
  /** Turns labels or probabilities from the grid that the networks saw to the image's own grid. */
  readonly toImageOrientation: ReorientedCase["toImageOrientation"];
}

/** The result of one case. */
export interface Segmented extends RefinedAnswer {
  /** The components that post-processing removed. */
  readonly removed: readonly StepReport[];
}

/** Brings a case into the orientation that the networks expect, and onto the first network's grid. */
export async function preprocessCase(
  { volume: whole, previousStage, ...read }: ReadCase,
  { opened, tools: { pool } }: SegmentContext,
): Promise<PreparedCase> {
  const { crop } = read;
  const untouched = crop === null ? whole : cropVolume(whole, crop);
  const { imageReader, monai } = opened.model.plan;
  const affine = isNibabel(imageReader) ? nibabelAffine(untouched) : null;
  const axcodes = monai && (monai.axcodes ?? orientationLetters(untouched.geometry));
  const isTurned = reorients(imageReader) || axcodes !== undefined;
  const { volume, toNetworkOrientation, toImageOrientation } = isTurned
    ? await reorientCase(untouched, { pool, affine, axcodes })
    : withoutReorientation(untouched);
  const input = {
    caseName: read.request.name,
    volume,
    previousStage:
      previousStage === null
        ? null
        : await toNetworkOrientation(crop === null ? previousStage : cropLabels(previousStage, crop)),
  };
  const prepared = await prepareStage(firstStage(opened.members), input, { members: opened.members, pool });
  if (crop === null) return { read, prepared, input, toImageOrientation };
  return {
    read,
    prepared,
    input,
    toImageOrientation: async (map) => putBack(await toImageOrientation(map), crop),
  };
}

/**
 * Runs the networks over the case, and resamples their output to the grid of the image in the networks' orientation.
 */
export const predictCase = (preparedCase: PreparedCase, context: SegmentContext): Promise<Answer> =>
  predictMembers(preparedCase.input, preparedCase.prepared, context, (sources) =>
    exportAnswer(sources, preparedCase.read, context),
  );

/**
 * Turns the labels back to the image's own axes, applies the model's post-processing, keeps the requested parts, and
 * chooses the labels' type.
 */
export async function postprocessCase(
  answer: Answer,
  { read, toImageOrientation }: PreparedCase,
  { opened: { manifest, model }, tools: { pool } }: SegmentContext,
): Promise<Segmented> {
  const labelMap = await toImageOrientation(answer.labelMap);
  const classMap = answer.classMap === null ? null : await toImageOrientation(answer.classMap);
  const removed = await removeComponents(labelMap, manifest.postProcessing, pool);
  const refined = await refineAnswer({ labelMap, classMap }, read, pool);
  return { ...refined, labelMap: inWritersType(refined.labelMap, model), removed };
}

/** @returns the label map as written, after the user's own hook */
export async function writeCase(
  { labelMap, candidateMap }: Pick<Segmented, "labelMap" | "candidateMap">,
  { read: { request, image } }: PreparedCase,
  { tools: { hooks } }: SegmentContext,
): Promise<LabelMap> {
  const context = { caseName: request.name, outputFile: request.outputs[0].path };
  const final = await hooks.postProcessImage(labelMap, image.source, context);
  await writeResults(request, { labelMap: final, candidateMap }, image.source);
  return final;
}

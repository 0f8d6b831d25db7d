import type { ImageSource } from "../../imaging/volume/image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { ProbabilityMap } from "../../imaging/volume/probability-map.js";
import type { CaseOutput, CaseRequest } from "../cases/case.js";
import type { ProbabilitySink } from "../postprocess/export-labels.js";
import { candidateMapOutput } from "./candidate-map-output.js";
import {
  dicomCandidatesOutput,
  dicomProbabilitiesOutput,
  dicomSegmentationOutput,
  rtStructureSetOutput,
} from "./dicom-outputs.js";
import { inputVolumeOutput } from "./input-volume-output.js";
import { labelMapOutput } from "./label-map-output.js";
import { nvidiaProbabilitiesOutput } from "./nvidia-probabilities-output.js";
import type { AnswerFacts, OpenProbabilities, OutputKind, OutputOf } from "./output-kind.js";
import { probabilitiesOutput } from "./probabilities-output.js";
import { probabilityMapOutput } from "./probability-map-output.js";

const kinds: { readonly [Kind in CaseOutput["kind"]]: OutputKind<OutputOf<Kind>> } = {
  "label-map": labelMapOutput,
  probabilities: probabilitiesOutput,
  "nvidia-probabilities": nvidiaProbabilitiesOutput,
  "probability-map": probabilityMapOutput,
  "candidate-map": candidateMapOutput,
  "input-volume": inputVolumeOutput,
  "dicom-segmentation": dicomSegmentationOutput,
  "dicom-probabilities": dicomProbabilitiesOutput,
  "dicom-candidates": dicomCandidatesOutput,
  "rt-structure-set": rtStructureSetOutput,
};

/** The functions take only outputs of their own kind, which the table ensures. */
const kindOf = (output: CaseOutput): OutputKind => kinds[output.kind] as OutputKind;

/** Returns all files of an output. The first one is the file that the output is named after. */
export const filesOf = (output: CaseOutput): readonly string[] => kindOf(output).files(output.path);

/** Returns the files without which a case is not finished. */
export const requiredFilesOf = (output: CaseOutput): readonly string[] =>
  kindOf(output).mayBeAbsent ? [] : filesOf(output);

/** Returns the outputs that receive the networks' probabilities while these are computed. */
export const outputsOfProbabilities = ({ outputs }: CaseRequest): readonly CaseOutput[] =>
  outputs.filter((output) => kindOf(output).takes === "probabilities");

/**
 * Opens all outputs that receive probabilities; returns null if there are none. The caller must discard them in the
 * end.
 */
export async function openProbabilities(
  request: CaseRequest,
  facts: AnswerFacts,
): Promise<OpenProbabilities | null> {
  const open: OpenProbabilities[] = [];
  const all = allOf(open);
  try {
    for (const output of outputsOfProbabilities(request)) {
      const found = kindOf(output);
      if (found.takes === "probabilities") open.push(await found.open(output, facts));
    }
  } catch (error) {
    await all.discard();
    throw error;
  }
  return open.length === 0 ? null : all;
}

function allOf(open: readonly OpenProbabilities[]): OpenProbabilities {
  const each = async (run: (one: OpenProbabilities) => Promise<void>): Promise<void> => {
    for (const one of open) await run(one);
  };
  return {
    writeSlice: (...slice: Parameters<ProbabilitySink["writeSlice"]>) =>
      each((one) => one.writeSlice(...slice)),
    finish: () => each((one) => one.finish()),
    discard: () => each((one) => one.discard()),
  };
}

/** The final results of a case. */
export interface Results {
  readonly labelMap: LabelMap;
  /** Null if the segmentation is not made of one class's candidates. */
  readonly candidateMap: ProbabilityMap | null;
}

/**
 * Writes the outputs that are made from the final results. The first output is written last, because it marks the case as
 * finished.
 */
export async function writeResults(
  { outputs }: CaseRequest,
  { labelMap, candidateMap }: Results,
  source: ImageSource,
): Promise<void> {
  for (const output of outputs) {
    const found = kindOf(output);
    if (found.takes === "candidates" && candidateMap !== null)
      await found.write(output, candidateMap, source);
  }
  for (const output of [...outputs].reverse()) {
    const found = kindOf(output);
    if (found.takes === "segmentation") await found.write(output, labelMap, source);
  }
}

import type { InferencePlan, LabelDefinition } from "../../contract/manifest.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { CroppedGrid } from "../../imaging/volume/cropped-grid.js";
import type { ImageSource } from "../../imaging/volume/image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { ProbabilityMap } from "../../imaging/volume/probability-map.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { CaseOutput } from "../cases/case.js";
import type { ProbabilitySink } from "../postprocess/export-labels.js";

/**
 * The functions that write one kind of output: from the image when it is read, from the probabilities while they are
 * computed, from one class's candidates, or from the final segmentation.
 */
export type OutputKind<Output extends CaseOutput = CaseOutput> =
  | InputKind
  | ProbabilityKind<Output>
  | CandidateKind<Output>
  | SegmentationKind<Output>;

/** The files of an output. */
interface OutputFiles {
  /** Returns every file of an output at this path, the path itself first. */
  files(path: string): readonly string[];
  /** True if a finished case may lack them: an empty segmentation has no DICOM object. */
  readonly mayBeAbsent: boolean;
}

/** An output that `writeInputVolumes` writes. */
export interface InputKind extends OutputFiles {
  readonly takes: "input";
}

export interface CandidateKind<Output> extends OutputFiles {
  readonly takes: "candidates";
  write(output: Output, map: ProbabilityMap, source: ImageSource): Promise<void>;
}

export interface SegmentationKind<Output> extends OutputFiles {
  readonly takes: "segmentation";
  write(output: Output, labelMap: LabelMap, source: ImageSource): Promise<void>;
}

export interface ProbabilityKind<Output> extends OutputFiles {
  readonly takes: "probabilities";
  open(output: Output, facts: AnswerFacts): Promise<OpenProbabilities>;
}

/** An output of one kind. */
export type OutputOf<Kind extends CaseOutput["kind"]> = Extract<CaseOutput, { readonly kind: Kind }>;

/** The facts about a case and its prediction that the files of probabilities contain. */
export interface AnswerFacts {
  readonly nnunetVersion: 1 | 2;
  readonly heads: number;
  readonly history: PreprocessHistory;
  readonly plan: InferencePlan;
  readonly labels: LabelDefinition;
  /** The size of the network's grid. */
  readonly networkSizeZyx: Zyx;
  readonly image: Pick<CaseVolume, "geometry" | "source">;
  /** The part of the image that the networks saw; null for all of it. */
  readonly crop: CroppedGrid | null;
  /** The names of the inputs of the channels. */
  readonly inputPlaces: readonly string[];
}

/** Receives slices, and leaves files that are either complete or absent. */
export interface OpenProbabilities extends ProbabilitySink {
  finish(): Promise<void>;
  /** Removes the partial files of a failed run; does nothing after `finish`. */
  discard(): Promise<void>;
}

import type { InferencePlan, LabelDefinition } from "../../contract/manifest.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { ImageSource } from "../../imaging/volume/image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { ProbabilityMap } from "../../imaging/volume/probability-map.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { ProbabilitySink } from "../postprocess/export-labels.js";

/**
 * The functions that write one kind of output: from the image when it is read, from the probabilities while they are
 * computed, from one class's candidates, or from the final segmentation.
 */
export type OutputKind = InputKind | ProbabilityKind | CandidateKind | SegmentationKind;

/** An output that `writeInputVolumes` writes. */
export interface InputKind {
  readonly takes: "input";
  files(path: string): readonly string[];
}

export interface CandidateKind {
  readonly takes: "candidates";
  files(path: string): readonly string[];
  write(path: string, map: ProbabilityMap, source: ImageSource): Promise<void>;
}

export interface SegmentationKind {
  readonly takes: "segmentation";
  /** Returns every file of an output at this path, the path itself first. */
  files(path: string): readonly string[];
  write(path: string, labelMap: LabelMap, source: ImageSource): Promise<void>;
}

export interface ProbabilityKind {
  readonly takes: "probabilities";
  files(path: string): readonly string[];
  open(path: string, facts: AnswerFacts): Promise<OpenProbabilities>;
}

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
  /** The names of the inputs of the channels. */
  readonly inputPlaces: readonly string[];
}

/** Receives slices, and leaves files that are either complete or absent. */
export interface OpenProbabilities extends ProbabilitySink {
  finish(): Promise<void>;
  /** Removes the partial files of a failed run; does nothing after `finish`. */
  discard(): Promise<void>;
}

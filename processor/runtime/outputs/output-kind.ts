import type { InferencePlan, LabelDefinition } from "../../contract/manifest.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { ImageSource } from "../../imaging/volume/image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { ProbabilitySink } from "../postprocess/export-labels.js";

/** How one kind of output is written: from the final segmentation, or from the probabilities while they are computed. */
export type OutputKind = SegmentationKind | ProbabilityKind;

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

/** What the files of probabilities say about the case and its way through the network. */
export interface AnswerFacts {
  readonly nnunetVersion: 1 | 2;
  readonly heads: number;
  readonly history: PreprocessHistory;
  readonly plan: InferencePlan;
  readonly labels: LabelDefinition;
  /** The size of the grid that the network answered on. */
  readonly networkSizeZyx: Zyx;
  readonly image: Pick<CaseVolume, "geometry" | "source">;
  /** Where the channels came from. */
  readonly inputPlaces: readonly string[];
}

/** Takes slices, and ends as files that are whole or not there. */
export interface OpenProbabilities extends ProbabilitySink {
  finish(): Promise<void>;
  /** Removes what a failed run left; nothing once finished. */
  discard(): Promise<void>;
}

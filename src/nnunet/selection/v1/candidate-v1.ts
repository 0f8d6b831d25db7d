import type { DiceOfLabels } from "./score-of-v1.js";

export interface ModelOfV1 {
  readonly configuration: string;
  readonly modelFolder: string;
}

/** A model, or an average of two. */
export interface CandidateOfV1 {
  /** `3d_fullres`, or `ensemble_2d__<trainer>__<plans>--3d_fullres__<trainer>__<plans>`. */
  readonly name: string;
  readonly members: readonly ModelOfV1[];
  readonly dices: DiceOfLabels;
  /** The mean over the classes. */
  readonly dice: number;
  /** Null if none was to be decided. */
  readonly postProcessingFile: string | null;
}

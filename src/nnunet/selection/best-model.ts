import type { DeterminedPostProcessing } from "./determine-post-processing.js";

/** One trained model of a data set. */
export interface TrainedName {
  readonly trainer: string;
  readonly plans: string;
  readonly configuration: string;
}

/** Returns the name of the folder in which nnU-Net v2 trains a model. */
export const modelFolderName = ({ trainer, plans, configuration }: TrainedName): string =>
  `${trainer}__${plans}__${configuration}`;

/** A model, or an average of two, with its mean foreground Dice on the cross-validation. */
export interface Candidate {
  /** `<trainer>__<plans>__<configuration>`, or `ensemble___<model>___<model>___<folds>`. */
  readonly name: string;
  readonly folder: string;
  readonly members: readonly TrainedName[];
  readonly dice: number;
}

export interface BestModel {
  readonly datasetName: string;
  readonly folds: readonly (number | "all")[];
  readonly candidates: readonly Candidate[];
  readonly best: Candidate;
  readonly selected: readonly TrainedName[];
  readonly postProcessing: DeterminedPostProcessing;
  readonly postProcessingFile: string;
  readonly plansFile: string;
  /** Configurations that the plans do not have, which were left out. */
  readonly leftOut: readonly TrainedName[];
  readonly informationFile: string;
  readonly instructionsFile: string;
}

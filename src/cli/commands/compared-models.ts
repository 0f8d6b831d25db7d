import type { InferredOptionTypes } from "yargs";
import type { NnunetFolders } from "../../nnunet/folders.js";
import type { findBestOptions } from "../options/selection-options.js";
import type { BestForConfig } from "../write-best-config.js";

export type FindBestArguments = InferredOptionTypes<typeof findBestOptions> & {
  readonly datasets: readonly string[];
};

/** The trained models that `find-best` compares: those of one data set or task. */
export interface Comparison {
  /** The name of the data set or task. */
  readonly dataset: string;
  readonly args: FindBestArguments;
  readonly folders: NnunetFolders;
}

/** What `find-best` has found for one data set, by the rules of one version of nnU-Net. */
export interface ComparedModels {
  readonly best: BestForConfig;
  /** For people; it ends with the files that were written. */
  readonly text: string;
  /** For `--json`. */
  readonly report: object;
}

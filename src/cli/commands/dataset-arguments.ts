import type { InferredOptionTypes } from "yargs";
import type { datasetOptions } from "../options/nnunet-options.js";

/** The arguments of `build_processor dataset`. */
export type DatasetCommandArguments = InferredOptionTypes<typeof datasetOptions> & {
  readonly action: "verify" | "show" | "convert" | "json";
  readonly datasets?: readonly string[];
};

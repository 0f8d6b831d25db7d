import type { InferredOptionTypes } from "yargs";
import type { findBestOptions } from "../options/selection-options.js";

export type FindBestArguments = InferredOptionTypes<typeof findBestOptions> & { readonly dataset: string };

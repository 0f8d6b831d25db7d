import type { InferredOptionTypes } from "yargs";
import type { CommandSession } from "../command-session.js";
import type { datasetOptions } from "../options/nnunet-options.js";
import { runVerifyDataset } from "./dataset-verify.js";

export type DatasetCommandArguments = InferredOptionTypes<typeof datasetOptions> & {
  readonly action: "verify";
  readonly datasets?: readonly string[];
};

/** `build_processor dataset ACTION DATASETS…`. */
export const runDataset = (args: DatasetCommandArguments, session: CommandSession): Promise<number> =>
  runVerifyDataset(args, session);

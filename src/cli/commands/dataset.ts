import type { CommandSession } from "../command-session.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";
import { runVerifyDataset } from "./dataset-verify.js";

/** `build_processor dataset ACTION DATASETS…`. */
export const runDataset = (args: DatasetCommandArguments, session: CommandSession): Promise<number> =>
  runVerifyDataset(args, session);

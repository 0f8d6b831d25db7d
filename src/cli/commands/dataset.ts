import type { CommandSession } from "../command-session.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";
import { runConvertDataset } from "./dataset-convert.js";
import { runDatasetJson } from "./dataset-json.js";
import { runShowDataset } from "./dataset-show.js";
import { runVerifyDataset } from "./dataset-verify.js";

const actions = {
  verify: runVerifyDataset,
  show: runShowDataset,
  convert: runConvertDataset,
  json: runDatasetJson,
} as const;

/** `build_processor dataset ACTION DATASETS…`. */
export const runDataset = (args: DatasetCommandArguments, session: CommandSession): Promise<number> =>
  actions[args.action](args, session);

import { join, resolve } from "node:path";
import type { TrainArguments } from "./commands/train.js";

/** nnU-Net v2's own names where the command line has none. */
export const namesOfV2 = ({ trainer = "nnUNetTrainer", plans = "nnUNetPlans" }: TrainArguments) => ({
  trainer,
  plans,
});

/** As `namesOfV2`; v1's trainer depends on the configuration. */
export const namesOfV1 = ({ trainer, plans = "nnUNetPlansv2.1" }: TrainArguments) => ({
  trainer: trainer ?? null,
  plans,
});

/** The folder with v1's programs; null if `PATH` has them. */
export const programFolderOfV1 = ({ venv }: TrainArguments, currentDirectory: string): string | null =>
  venv === undefined ? null : join(resolve(currentDirectory, venv), "bin");

export function pretrainedWeights(args: TrainArguments, currentDirectory: string): string | null {
  const weights = args["pretrained-weights"];
  return weights === undefined ? null : resolve(currentDirectory, weights);
}

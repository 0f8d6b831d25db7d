import { join, resolve } from "node:path";

/** What a command line of `train` says, as far as it is needed here. */
interface TrainingWords {
  readonly trainer?: string | undefined;
  readonly plans?: string | undefined;
  readonly venv?: string | undefined;
  readonly "pretrained-weights"?: string | undefined;
}

/** nnU-Net v2's own names where the command line has none. */
export const namesOfV2 = ({ trainer = "nnUNetTrainer", plans = "nnUNetPlans" }: TrainingWords) => ({
  trainer,
  plans,
});

/** As `namesOfV2`; v1's trainer depends on the configuration. */
export const namesOfV1 = ({ trainer, plans = "nnUNetPlansv2.1" }: TrainingWords) => ({
  trainer: trainer ?? null,
  plans,
});

/** The folder with v1's programs; null if `PATH` has them. */
export const programFolderOfV1 = ({ venv }: TrainingWords, currentDirectory: string): string | null =>
  venv === undefined ? null : join(resolve(currentDirectory, venv), "bin");

export function pretrainedWeights(args: TrainingWords, currentDirectory: string): string | null {
  const weights = args["pretrained-weights"];
  return weights === undefined ? null : resolve(currentDirectory, weights);
}

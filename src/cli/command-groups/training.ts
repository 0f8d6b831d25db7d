import type { Command } from "../command.js";
import { trainOptions } from "../options/train-options.js";

/** The commands that run nnU-Net's own training. */
export const trainingCommands: Readonly<Record<string, Command>> = {
  train: {
    usage: "train <dataset> <configuration>",
    describe: "train a model with nnU-Net's own program (needs Python and nnunetv2), and show how far it is",
    options: trainOptions,
    positional: {
      dataset: { type: "string", describe: "number or name of the data set: 4, Dataset004_Liver" },
      configuration: { type: "string", describe: "2d, 3d_fullres, 3d_lowres or 3d_cascade_fullres" },
    },
    examples: [
      ["$0 train 4 3d_fullres --venv ~/nnunet", "trains five folds one after the other, or continues them"],
      ["$0 train 4 3d_fullres --gpus 0,1", "trains two folds at a time"],
    ],
    load: async () => (await import("../commands/train.js")).runTrain,
  },
};

import type { Command } from "../command.js";
import { benchmarkOptions } from "../options/benchmark-options.js";
import { trainOptions } from "../options/train-options.js";
import { trainingImageOptions } from "../options/training-image-options.js";
import { trainingsOptions } from "../options/trainings-options.js";

/** The commands that run nnU-Net's own training, and measure. */
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
      ["$0 train 4 3d_fullres --image nnunet-training:1", "trains in an image of training-image"],
      ["$0 train 4 3d_fullres --slurm --gres gpu:1 --time 48:00:00", "submits one task for each fold"],
      ["$0 train 4 3d_fullres --nnunet v1 --venv ~/nnunet-v1", "trains with nnU-Net v1"],
    ],
    load: async () => (await import("../commands/train.js")).runTrain,
  },
  trainings: {
    usage: "trainings [datasets..]",
    describe: "show how far trainings are, wherever they run: epoch, losses, Dice, time left, curves",
    options: trainingsOptions,
    positional: {
      datasets: {
        type: "string",
        array: true,
        describe: "numbers or names of data sets, such as 4 or Dataset004_Liver; all if there are none",
      },
    },
    examples: [
      ["$0 trainings", "lists every fold in nnUNet_results"],
      ["$0 trainings 4 --serve", "shows a page with nnU-Net's curves on http://127.0.0.1:8021/"],
    ],
    load: async () => (await import("../commands/trainings.js")).runTrainings,
  },
  "training-image": {
    usage: "training-image",
    describe: "build an image with nnU-Net, Python and PyTorch, in which `train --image` trains",
    options: trainingImageOptions,
    examples: [
      ["$0 training-image --device cuda", "builds nnunet-training:1 for NVIDIA GPUs"],
      ["$0 training-image --device cpu --tag team/train:1", "builds one for CPUs"],
    ],
    load: async () => (await import("../commands/training-image.js")).runTrainingImage,
  },
  benchmark: {
    usage: "benchmark <mode>",
    describe: "measure how many images a second a model preprocesses, predicts or trains, on made-up images",
    options: benchmarkOptions,
    positional: { mode: { choices: ["preprocess", "predict", "train"], describe: "what to measure" } },
    examples: [
      ["$0 benchmark predict --model-dir model/ -c 3d_fullres", "times the network on patches"],
      ["$0 benchmark preprocess --model-dir model/ --size 300 400 400", "times the preprocessing of a CT"],
      ["$0 benchmark train -d 4 -c 3d_fullres --venv ~/nnunet", "times five epochs of nnU-Net's training"],
    ],
    load: async () => (await import("../commands/benchmark.js")).runBenchmark,
  },
};

import type { Options } from "yargs";
import { json } from "./output-options.js";
import { modelDir, output, trainedModelOptions } from "./shared-options.js";
import { trainOptions } from "./train-options.js";

const group = "Measurement:";
const trainingGroup = "Training:";

export const benchmarkOptions = {
  "model-dir": { ...modelDir, describe: `${modelDir.describe}; or one folder written by \`convert\`` },
  // -d names the data set here.
  task: { ...trainedModelOptions.task, alias: [] },
  configuration: trainedModelOptions.configuration,
  folds: trainedModelOptions.folds,
  size: {
    group,
    type: "number",
    array: true,
    requiresArg: true,
    describe: "size of the images in voxels: z y x",
    defaultDescription: "a patch of the network; 128 512 512 to preprocess",
  },
  spacing: {
    group,
    type: "number",
    array: true,
    default: [3, 0.8, 0.8],
    requiresArg: true,
    describe: "spacing of the images in mm, for preprocess: z y x",
  },
  steps: { group, type: "number", default: 20, requiresArg: true, describe: "images that are measured" },
  "warm-up": { group, type: "number", default: 2, requiresArg: true, describe: "images before them" },
  dataset: {
    group: trainingGroup,
    alias: "d",
    type: "string",
    requiresArg: true,
    describe: "number or name of the data set to train on, preprocessed for the configuration",
  },
  trainer: {
    ...trainOptions.trainer,
    default: "nnUNetTrainerBenchmark_5epochs",
    describe: "trainer class; nnUNetTrainerBenchmark_5epochs_noDataLoading leaves reading out",
  },
  plans: { ...trainOptions.plans, default: "nnUNetPlans", defaultDescription: undefined },
  venv: trainOptions.venv,
  device: {
    group: "Machine:",
    choices: ["auto", "cpu", "cuda"] as const,
    default: "auto" as const,
    requiresArg: true,
    describe: "where the network runs",
  },
  output: { ...output, describe: "file for one JSON line, as NVIDIA's perf.json" },
  json,
} as const satisfies Readonly<Record<string, Options>>;

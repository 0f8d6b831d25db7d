import type { CommandOption } from "../command.js";
import { json, outputGroup } from "./output-options.js";
import { sbatchOptions, schedulerGroup } from "./sbatch-options.js";

const trainingGroup = "Training:";
export const machineGroup = "Machine:";

export const trainOptions = {
  nnunet: {
    group: trainingGroup,
    choices: ["v1", "v2"] as const,
    default: "v2" as const,
    requiresArg: true,
    describe: "which nnU-Net trains; v1 runs nnUNet_train on RESULTS_FOLDER and v1's preprocessed data",
  },
  folds: {
    group: trainingGroup,
    alias: "f",
    type: "string",
    array: true,
    default: ["0", "1", "2", "3", "4"],
    requiresArg: true,
    describe: "folds to train, or all; finished ones are left as they are, interrupted ones are continued",
  },
  // A word after the data set is its configuration, so that further ones need a flag.
  also: {
    group: trainingGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "further data sets, of which the same is trained after the first one",
  },
  trainer: {
    group: trainingGroup,
    type: "string",
    requiresArg: true,
    describe: "trainer class; nnUNetTrainer_100epochs and others train for fewer epochs than 1000",
    defaultDescription: "nnUNetTrainer; for v1 nnUNetTrainerV2, its CascadeFullRes, _DP or _DDP",
  },
  plans: {
    group: trainingGroup,
    alias: "p",
    type: "string",
    requiresArg: true,
    describe: "plans",
    defaultDescription: "nnUNetPlans; nnUNetPlansv2.1 for v1",
  },
  "pretrained-weights": {
    group: trainingGroup,
    type: "string",
    requiresArg: true,
    describe: "checkpoint whose weights a new training starts from",
  },
  "save-probabilities": {
    group: trainingGroup,
    type: "boolean",
    default: true,
    describe: "save the probabilities of the validation, which find-best needs to average models",
  },
  restart: {
    group: trainingGroup,
    type: "boolean",
    default: false,
    describe: "train again from the beginning, also what is finished",
  },
  venv: {
    group: machineGroup,
    type: "string",
    requiresArg: true,
    describe: "Python environment with nnunetv2, or nnunet for v1",
    defaultDescription: "the nnUNetv2_train or nnUNet_train in PATH",
  },
  device: {
    group: machineGroup,
    choices: ["cuda", "cpu", "mps"] as const,
    default: "cuda" as const,
    requiresArg: true,
    describe: "where to train; a CPU is practical for tiny networks only",
  },
  gpus: {
    group: machineGroup,
    type: "string",
    hasCommas: true,
    requiresArg: true,
    describe: "GPUs, such as 0,1: each trains one fold at a time",
  },
  "gpus-per-fold": {
    group: machineGroup,
    type: "number",
    default: 1,
    requiresArg: true,
    describe: "GPUs that share one fold, through nnU-Net's own DDP (v1: as --parallel says)",
  },
  parallel: {
    group: machineGroup,
    choices: ["dp", "ddp"] as const,
    default: "dp" as const,
    requiresArg: true,
    describe: "v1: how several GPUs share one fold, nnUNet_train_DP or nnUNet_train_DDP",
  },
  image: {
    group: machineGroup,
    type: "string",
    requiresArg: true,
    describe: "Docker image with nnunetv2 that trains, instead of an environment of this machine",
  },
  "shm-size": {
    group: machineGroup,
    type: "string",
    default: "8g",
    requiresArg: true,
    describe: "shared memory of the image's container, through which nnU-Net's workers pass their data",
  },
  slurm: {
    group: schedulerGroup,
    type: "boolean",
    default: false,
    describe: "train the folds as an array of Slurm, one task each; a task that was stopped goes on",
  },
  ...sbatchOptions,
  json: { ...json, group: outputGroup, describe: "print one JSON object for each epoch to stdout" },
} as const satisfies Record<string, CommandOption>;

import type { Options } from "yargs";
import { json, outputGroup } from "./output-options.js";

const modelsGroup = "Models:";
const labelGroup = "Labels:";

const folds = {
  group: modelsGroup,
  alias: "f",
  type: "string",
  array: true,
  default: ["0", "1", "2", "3", "4"],
  requiresArg: true,
  describe: "folds of the cross-validation",
} as const satisfies Options;

const nnunet = {
  group: modelsGroup,
  choices: ["v1", "v2"] as const,
  default: "v2" as const,
  requiresArg: true,
  describe: "whose models and files they are",
} as const satisfies Options;

export const findBestOptions = {
  nnunet,
  configurations: {
    group: modelsGroup,
    alias: "c",
    type: "string",
    array: true,
    defaultDescription: "2d 3d_fullres 3d_lowres 3d_cascade_fullres",
    requiresArg: true,
    describe: "configurations to compare; those that the plans lack are left out",
  },
  trainer: {
    group: modelsGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "trainers to compare; one for v1",
    defaultDescription: "nnUNetTrainer; nnUNetTrainerV2 for v1",
  },
  "cascade-trainer": {
    group: modelsGroup,
    type: "string",
    default: "nnUNetTrainerV2CascadeFullRes",
    requiresArg: true,
    describe: "v1: the trainer of 3d_cascade_fullres",
  },
  plans: {
    group: modelsGroup,
    alias: "p",
    type: "string",
    array: true,
    requiresArg: true,
    describe: "plans to compare; one for v1",
    defaultDescription: "nnUNetPlans; nnUNetPlansv2.1 for v1",
  },
  folds,
  ensembles: {
    group: modelsGroup,
    type: "boolean",
    default: true,
    describe: "also compare averages of two models, which need the probabilities of the validation (--npz)",
  },
  postprocessing: {
    group: modelsGroup,
    type: "boolean",
    default: true,
    describe: "v1: also decide post-processing; v2 always does",
  },
  "keep-existing": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "keep collected and averaged predictions of an earlier run (v1: and decided post-processing)",
  },
  "write-config": {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe:
      "also write a config.json that builds an image of the best model with its post-processing; for several data sets, in a folder with the name of each",
  },
  json,
} as const satisfies Record<string, Options>;

export const accumulateOptions = {
  configuration: {
    group: modelsGroup,
    alias: "c",
    type: "string",
    demandOption: true,
    requiresArg: true,
    describe: "configuration",
  },
  trainer: {
    group: modelsGroup,
    type: "string",
    default: "nnUNetTrainer",
    requiresArg: true,
    describe: "trainer",
  },
  plans: {
    group: modelsGroup,
    alias: "p",
    type: "string",
    default: "nnUNetPlans",
    requiresArg: true,
    describe: "plans",
  },
  folds,
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    requiresArg: true,
    describe: "folder for the predictions of all folds; it must be empty",
    defaultDescription: "crossval_results_folds_… in the model's folder, which is replaced",
  },
  json,
} as const satisfies Record<string, Options>;

const input = {
  group: "Input:",
  alias: "i",
  type: "string",
  demandOption: true,
  requiresArg: true,
  describe: "folder with segmentations",
} as const satisfies Options;

const outputFolder = {
  group: outputGroup,
  alias: "o",
  type: "string",
  requiresArg: true,
  describe: "folder for the results",
} as const satisfies Options;

export const ensembleOptions = {
  nnunet,
  input: {
    ...input,
    array: true,
    describe:
      "folders with the probabilities of several models, <case>.npz; the first has dataset.json and plans.json (v1: each <case>.pkl)",
  },
  "post-processing": {
    group: "Input:",
    type: "string",
    requiresArg: true,
    describe: "v1: postprocessing.json to apply at the end",
  },
  output: { ...outputFolder, demandOption: true },
  "save-probabilities": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "also write the averaged probabilities, <case>.npz",
  },
  json,
} as const satisfies Record<string, Options>;

export const postprocessOptions = {
  nnunet,
  input: {
    ...input,
    describe:
      "folder with segmentations; for v1's determine, the model's folder with fold_0, fold_1 and so on",
  },
  references: {
    group: "Input:",
    alias: "ref",
    type: "string",
    requiresArg: true,
    describe: "determine: folder with the right segmentations (v1 has them in the model's folder)",
  },
  folds,
  "validation-folder": {
    group: "Input:",
    type: "string",
    default: "validation_raw",
    requiresArg: true,
    describe: "v1's determine: name of the folder with the predictions of each fold",
  },
  "post-processing": {
    group: "Input:",
    type: "string",
    requiresArg: true,
    describe: "apply: postprocessing.pkl or postprocessing.json",
  },
  "dataset-json": {
    group: labelGroup,
    type: "string",
    requiresArg: true,
    describe: "dataset.json with the labels and the file ending",
    defaultDescription: "in the input folder",
  },
  "plans-json": {
    group: labelGroup,
    type: "string",
    requiresArg: true,
    describe: "plans.json with the reader of images",
    defaultDescription: "in the input folder",
  },
  "remove-postprocessed": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "determine: delete the folder postprocessed at the end",
  },
  output: { ...outputFolder, describe: "apply: folder for the results" },
  json,
} as const satisfies Record<string, Options>;

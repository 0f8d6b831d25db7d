import type { Options } from "yargs";
import { json, outputGroup } from "./output-options.js";
import { accumulateOptions } from "./selection-options.js";
import { overwrite, zenodoUrl } from "./shared-options.js";

const modelsGroup = "Models:";

export const exportModelOptions = {
  nnunet: {
    group: modelsGroup,
    choices: ["v1", "v2"] as const,
    default: "v2" as const,
    requiresArg: true,
    describe: "whose models: v1 takes them from RESULTS_FOLDER",
  },
  configurations: {
    group: modelsGroup,
    alias: "c",
    type: "string",
    array: true,
    defaultDescription: "3d_lowres 3d_fullres 2d 3d_cascade_fullres",
    requiresArg: true,
    describe: "configurations to export; all of them must be trained",
  },
  trainer: {
    ...accumulateOptions.trainer,
    default: undefined,
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
    ...accumulateOptions.plans,
    default: undefined,
    defaultDescription: "nnUNetPlans; nnUNetPlansv2.1 for v1",
  },
  folds: accumulateOptions.folds,
  checkpoint: {
    group: modelsGroup,
    type: "string",
    array: true,
    default: ["checkpoint_final.pth"],
    requiresArg: true,
    describe: "checkpoint files of each fold; v1 has one",
  },
  strict: {
    group: modelsGroup,
    type: "boolean",
    default: true,
    describe: "v1: every configuration and its post-processing must be there",
  },
  "with-predictions": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "also take the segmentations of the validation",
  },
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    demandOption: true,
    requiresArg: true,
    describe: "path of the archive",
  },
  overwrite,
  json,
} as const satisfies Record<string, Options>;

export const changeTrainerOptions = {
  trainer: {
    group: modelsGroup,
    type: "string",
    demandOption: true,
    requiresArg: true,
    describe: "name of the trainer that the model is to have",
  },
  json,
} as const satisfies Record<string, Options>;

export const movePlansOptions = {
  plans: {
    group: modelsGroup,
    alias: "p",
    type: "string",
    demandOption: true,
    requiresArg: true,
    describe: "name of the plans",
  },
  "new-name": {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "name of the plans in the other data set",
    defaultDescription: "the same name",
  },
  overwrite,
  json,
} as const satisfies Record<string, Options>;

export const plotOverlaysOptions = {
  channel: {
    type: "number",
    default: 0,
    requiresArg: true,
    describe: "channel that is drawn, from 0",
  },
  intensity: { type: "number", default: 0.6, requiresArg: true, describe: "how strong the colours are" },
  preprocessed: {
    type: "boolean",
    default: false,
    describe: "draw the preprocessed cases, as they are trained on, instead of the raw images",
  },
  configuration: {
    alias: "c",
    type: "string",
    requiresArg: true,
    describe: "whose preprocessed cases to draw (default: 3d_fullres, or 2d without it)",
  },
  plans: {
    type: "string",
    requiresArg: true,
    describe: "plans of the preprocessed cases (default: nnUNetPlans)",
  },
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    demandOption: true,
    requiresArg: true,
    describe: "folder for the pictures, <case>.png",
  },
  json,
} as const satisfies Record<string, Options>;

export const importModelOptions = {
  nnunet: {
    type: "string",
    choices: ["v1", "v2"],
    default: "v2",
    describe: "where to put it: v2 in nnUNet_results, v1 in RESULTS_FOLDER",
  },
  "zenodo-url": zenodoUrl,
  json,
} as const satisfies Record<string, Options>;

import type { Options } from "yargs";
import { json, outputGroup } from "./output-options.js";

const labelGroup = "Labels:";

export const evaluateNvidiaOptions = {
  preds: {
    type: "string",
    demandOption: true,
    requiresArg: true,
    describe: "folder with probabilities: <case>.npy of NVIDIA's nnU-Net, or <case>.npy.npz of MedImAIR's",
  },
  lbls: {
    type: "string",
    demandOption: true,
    requiresArg: true,
    describe: "folder with the right segmentations <case>.nii.gz",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const evaluateOptions = {
  "dataset-json": {
    group: labelGroup,
    type: "string",
    requiresArg: true,
    describe: "dataset.json with the labels or regions and the file ending",
    defaultDescription: "in the folder of the predictions or next to that of the references",
  },
  "plans-json": {
    group: labelGroup,
    type: "string",
    requiresArg: true,
    describe: "accepted as in nnU-Net; the scores do not depend on it",
  },
  labels: {
    group: labelGroup,
    alias: "l",
    type: "number",
    array: true,
    requiresArg: true,
    describe: "labels to score instead of those of dataset.json",
  },
  "ignore-label": {
    group: labelGroup,
    type: "number",
    requiresArg: true,
    describe: "with --labels: voxels with this label in the reference do not count",
  },
  chill: {
    type: "boolean",
    default: false,
    describe: "score the predictions that are there, even if some references have none",
  },
  nnunet: {
    type: "string",
    choices: ["v1", "v2"],
    default: "v2",
    describe: "whose measures and summary.json: v1 needs --labels and the same files in both folders",
  },
  "surface-distances": {
    type: "boolean",
    default: false,
    describe: "also compute the 95th percentile of the surfaces' distance (HD95) and the surface Dice",
  },
  "tolerance-mm": {
    type: "number",
    default: 1,
    requiresArg: true,
    describe: "surface Dice: how far a surface may be away",
  },
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    requiresArg: true,
    describe: "path of summary.json",
    defaultDescription: "in the folder of the predictions",
  },
  csv: {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "also write a table with one row for each case and label",
  },
  html: {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "also write a page with plots and tables",
  },
  json,
} as const satisfies Record<string, Options>;

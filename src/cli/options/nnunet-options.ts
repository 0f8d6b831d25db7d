import type { Options } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { plannerNames } from "../../nnunet/planning/planners.js";
import { plannersV1 } from "../../nnunet/planning/v1/planners-v1.js";
import { json, outputGroup } from "./output-options.js";

const dataGroup = "Data set:";
const planGroup = "Plans:";

/** The data sets of a command: also nnU-Net's `-d 1 2 3`. */
export const datasetsPositional = {
  type: "string",
  array: true,
  describe: "numbers or names of data sets, such as 4 or Dataset004_Liver, or a path of a raw folder",
} as const;

export const dataset = {
  group: dataGroup,
  alias: "d",
  type: "string",
  array: true,
  requiresArg: true,
  describe: "the same as the data sets without a flag",
} as const satisfies Options;

export const nnunet = {
  group: dataGroup,
  choices: ["v1", "v2"] as const,
  default: "v2" as const,
  requiresArg: true,
  describe:
    "which nnU-Net the folders are for: v2 reads nnUNet_raw, nnUNet_preprocessed and nnUNet_results, v1 nnUNet_raw_data_base, nnUNet_preprocessed and RESULTS_FOLDER",
} as const satisfies Options;

export const planOptions = {
  dataset,
  nnunet,
  planner: {
    group: planGroup,
    choices: [...plannerNames, ...plannersV1],
    default: "ExperimentPlanner" as const,
    requiresArg: true,
    describe: "the planner; v1 has one for 3-D and one for 2-D, and runs both by default",
  },
  "gpu-memory": {
    group: planGroup,
    type: "number",
    requiresArg: true,
    describe: "GPU memory in GB to plan for",
    defaultDescription: "8; 24 for ResEncL, 40 for ResEncXL",
  },
  "target-spacing": {
    group: planGroup,
    type: "number",
    array: true,
    requiresArg: true,
    describe: "spacing in mm that images are resampled to: z y x, in the order of the files",
    defaultDescription: "the planner's choice",
  },
  plans: {
    group: planGroup,
    type: "string",
    requiresArg: true,
    describe: "name of the plans, so that they do not replace others",
    defaultDescription: "the planner's, such as nnUNetPlans",
  },
  preprocessor: {
    group: planGroup,
    type: "string",
    default: "DefaultPreprocessor",
    requiresArg: true,
    describe: "nnU-Net's class that preprocesses, as it is written to the plans",
  },
  "dry-run": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "print the plans, but write no file",
  },
  svg: {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "folder for a picture of each network, <data set>-<configuration>.svg",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const workers = {
  group: dataGroup,
  type: "number",
  requiresArg: true,
  coerce: wholeWorkers,
  describe: "number of cases to work on at the same time; each takes the memory of a case",
  defaultDescription: "one for each core, at most 8",
} as const satisfies Options;

/** @throws USAGE unless it is a whole number from 1 to 64 */
function wholeWorkers(value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 64) return value;
  throw sharedError("USAGE", `--workers must be a whole number from 1 to 64, but is ${value}`);
}

export const fingerprintOptions = {
  dataset,
  nnunet,
  samples: {
    group: dataGroup,
    choices: ["drawn", "all"] as const,
    default: "drawn" as const,
    requiresArg: true,
    describe:
      "voxels for the intensity statistics: drawn repeats nnU-Net's random draws exactly; all takes every labelled voxel, which is faster and differs in the third or fourth digit",
  },
  clean: {
    group: dataGroup,
    type: "boolean",
    default: false,
    describe: "compute it again even if it exists; changed raw data are noticed anyway",
  },
  workers,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const datasetOptions = {
  dataset,
  nnunet,
  like: {
    group: dataGroup,
    choices: ["nnunet"] as const,
    requiresArg: true,
    describe: "for `verify`: stop where nnU-Net's own check stops, and say what it says",
  },
  from: {
    group: dataGroup,
    choices: ["decathlon", "v1-task", "pictures"] as const,
    requiresArg: true,
    describe:
      "for `convert`: the kind of the folder: the Medical Segmentation Decathlon, a task of nnU-Net v1, or imagesTr and labelsTr with .png, .bmp or .tif files, which become .nii.gz",
    defaultDescription: "by its name: Task07_… is the Decathlon, Task007_… is v1",
  },
  name: {
    group: dataGroup,
    type: "string",
    requiresArg: true,
    describe: "for `convert`: name of the new data set, such as Dataset007_Pancreas",
    defaultDescription: "number and name of the source",
  },
  id: {
    group: dataGroup,
    type: "number",
    requiresArg: true,
    describe: "for `convert`: another number for the new data set",
  },
  spacing: {
    group: dataGroup,
    type: "number",
    array: true,
    requiresArg: true,
    describe: "for `convert --from pictures`: size of a voxel in mm, z y x",
    defaultDescription: "999 1 1 for a picture, and for a .tif volume what the .json next to it says",
  },
  relabel: {
    group: dataGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe:
      "for `convert --from pictures`: other values for labels, such as 255=1; rest=1 is for all others besides 0",
  },
  channel: {
    group: dataGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe:
      "for `json` and `convert --from pictures`: names of the channels in the order of _0000, _0001, …: CT, T1, …",
  },
  label: {
    group: dataGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe:
      "for `json` and `convert --from pictures`: labels such as background=0 liver=1; liver_and_tumour=1,2 is a region",
  },
  "regions-class-order": {
    group: dataGroup,
    type: "number",
    array: true,
    requiresArg: true,
    describe: "with regions: the label to write for each region, the largest first",
  },
  pictures: {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "for `show`: folder for a picture of each case and index.html, one folder for each data set",
  },
  overwrite: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "for `json`: replace an existing dataset.json",
  },
  workers,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const preprocessOptions = {
  dataset,
  nnunet,
  plans: {
    group: planGroup,
    type: "string",
    default: "nnUNetPlans",
    requiresArg: true,
    describe: "name of the plans",
  },
  configuration: {
    group: planGroup,
    alias: "c",
    type: "string",
    array: true,
    default: ["2d", "3d_fullres", "3d_lowres"],
    requiresArg: true,
    describe: "configurations to preprocess; those that the plans do not have are skipped",
  },
  format: {
    group: outputGroup,
    type: "string",
    choices: ["b2nd", "npz"] as const,
    default: "b2nd" as const,
    requiresArg: true,
    describe:
      "files of the cases: b2nd as nnU-Net writes them, or npz, which numpy reads (--nnunet v1: always npz)",
  },
  splits: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe:
      "also write splits_final.json (v1: .pkl), the five folds that nnU-Net's first training would write",
  },
  "allow-changes": {
    group: dataGroup,
    type: "boolean",
    default: false,
    describe: "go on although the raw data have changed since the fingerprint",
  },
  workers,
  json,
} as const satisfies Readonly<Record<string, Options>>;

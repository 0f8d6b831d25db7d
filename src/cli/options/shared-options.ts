import type { Options } from "yargs";
import { targetKinds } from "../../../processor/contract/target.js";
import { cudaMajors } from "../../base-image/variants.js";

export const modelGroup = "Model:";
export const imageGroup = "Image:";
export const outputGroup = "Output:";
export const registryGroup = "Registry:";

export const modelDir = {
  group: modelGroup,
  type: "string",
  array: true,
  requiresArg: true,
  describe:
    "trained model: folder with plans.json, dataset.json and fold_*, a results tree, a .zip, https:… or zenodo:RECORD/FILE; several are averaged",
} as const satisfies Options;

export const task = {
  group: modelGroup,
  alias: "d",
  type: "string",
  requiresArg: true,
  describe: "task or dataset, when the folder holds several: 4, Hippocampus, Task004_Hippocampus, …",
} as const satisfies Options;

export const configuration = {
  group: modelGroup,
  alias: "c",
  type: "string",
  array: true,
  requiresArg: true,
  describe: "nnU-Net configuration, when the folder holds several: 2d, 3d_fullres, …; several are averaged",
} as const satisfies Options;

export const previousStageModel = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "for a cascade: the model of its low-resolution stage",
  defaultDescription: "beside the second stage, as nnU-Net keeps it",
} as const satisfies Options;

export const postProcessing = {
  group: modelGroup,
  type: "string",
  default: "auto",
  requiresArg: true,
  describe: "auto for what nnU-Net decided for the model, off, or a postprocessing.json or .pkl",
} as const satisfies Options;

export const checkpoint = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "checkpoint in each fold's folder",
  defaultDescription: "checkpoint_final.pth",
} as const satisfies Options;

export const onnx = {
  group: modelGroup,
  type: "string",
  array: true,
  requiresArg: true,
  describe:
    "ONNX file of your own network, one for each fold, beside plans.json and dataset.json in --model-dir",
} as const satisfies Options;

export const folds = {
  group: modelGroup,
  alias: "f",
  type: "string",
  array: true,
  requiresArg: true,
  describe: "folds to use: 0 1 2, or all",
  defaultDescription: "every fold_k with the checkpoint",
} as const satisfies Options;

/** Which trained model, for commands that read one without a config.json. */
export const trainedModelOptions = {
  task,
  configuration,
  checkpoint,
  folds,
  onnx,
  "prev-stage-model": previousStageModel,
  postprocessing: postProcessing,
} as const satisfies Readonly<Record<string, Options>>;

/** A command says what it is for. */
export const output = {
  group: outputGroup,
  alias: "o",
  type: "string",
  requiresArg: true,
} as const satisfies Options;

export const hookFile = {
  group: imageGroup,
  type: "string",
  requiresArg: true,
  describe:
    "own TypeScript or JavaScript module that changes images before, or results after (docs/how-to/process-img.md)",
} as const satisfies Options;

export const cuda = {
  group: imageGroup,
  type: "string",
  choices: cudaMajors,
  requiresArg: true,
  describe: "CUDA in an image for GPUs: 12 for older drivers and GPUs (docs/reference/gpu.md)",
  defaultDescription: "13",
} as const satisfies Options;

/** How a network is applied to an image. Each command sets its own defaults. */
export const windowOptions = {
  "use-tta": {
    group: "Prediction:",
    type: "boolean",
    describe: "average over mirrored images; --no-use-tta is 8 times faster in 3-D, and slightly less exact",
  },
  "disable-tta": {
    group: "Prediction:",
    type: "boolean",
    default: false,
    describe: "nnU-Net's name for --no-use-tta",
  },
  "step-size": {
    group: "Prediction:",
    type: "number",
    requiresArg: true,
    describe: "step between windows as a fraction of the patch; 1 means no overlap",
  },
  precision: {
    group: "Prediction:",
    choices: ["auto", "float16", "float32"] as const,
    describe: "number format of the network: auto is float16 on a GPU, float32 on the CPU",
  },
} as const satisfies Readonly<Record<string, Options>>;

export const zenodoUrl = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "mirror of zenodo.org",
} as const satisfies Options;

export const json = {
  group: outputGroup,
  type: "boolean",
  default: false,
  describe: "print a report as JSON on stdout, everything else on stderr",
} as const satisfies Options;

export const overwrite = {
  group: outputGroup,
  type: "boolean",
  default: false,
  describe: "replace what is there already",
} as const satisfies Options;

export const target = {
  group: "Platform:",
  choices: targetKinds,
  defaultDescription: "the one that the image was built for, else grand-challenge",
} as const satisfies Options;

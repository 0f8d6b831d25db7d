import type { Options } from "yargs";
import {
  checkpoint,
  configuration,
  hookFile,
  imageGroup,
  json,
  modelDir,
  output,
  outputGroup,
  overwrite,
  task,
  trainedModelOptions,
} from "./shared-options.js";

export const predictOptions = {
  "model-dir": {
    ...modelDir,
    demandOption: true,
    describe: `${modelDir.describe}, or a folder that \`convert\` wrote`,
  },
  ...trainedModelOptions,
  input: {
    group: imageGroup,
    alias: "i",
    type: "string",
    array: true,
    requiresArg: true,
    demandOption: true,
    describe: "folder or files, named <case>_0000<ending>, one for each channel",
  },
  "prev-stage-predictions": {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe: "for a cascade: folder with <case><ending> of the low-resolution stage, instead of its model",
  },
  "process-img-file": hookFile,
  "disable-tta": {
    group: "Prediction:",
    type: "boolean",
    default: false,
    describe: "no averaging over mirrored images: 8 times faster in 3-D, slightly less exact",
  },
  "step-size": {
    group: "Prediction:",
    type: "number",
    default: 0.5,
    requiresArg: true,
    describe: "step between windows as a part of the patch; 1 is no overlap",
  },
  mode: {
    group: "Prediction:",
    choices: ["normal", "fast", "fastest"] as const,
    default: "normal" as const,
    describe: "v1's --mode: fast and fastest resample labels instead of probabilities, less exact",
  },
  device: {
    group: "Prediction:",
    choices: ["auto", "cpu", "cuda"] as const,
    default: "auto" as const,
    describe: "where the network runs",
  },
  precision: {
    group: "Prediction:",
    choices: ["auto", "float16", "float32"] as const,
    default: "auto" as const,
    describe: "in what it computes: auto is float16 on a GPU, float32 on the CPU",
  },
  output: { ...output, demandOption: true, describe: "folder for <case><ending>" },
  "save-probabilities": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "also write <case>.npz and .pkl, every class's probabilities for nnU-Net's ensembling",
  },
  overwrite,
  continue: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "keep results that are there, segment the rest",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const convertOptions = {
  "model-dir": { ...modelDir, demandOption: true },
  ...trainedModelOptions,
  output: {
    ...output,
    demandOption: true,
    describe: "folder for manifest.json, fold_k.onnx with fold_k.weights, and network.gpu.onnx",
  },
  overwrite,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const initOptions = {
  "model-dir": { ...modelDir, demandOption: true },
  task,
  configuration,
  checkpoint,
  output: { ...output, default: "config.json", describe: "file to write" },
  overwrite,
} as const satisfies Readonly<Record<string, Options>>;

import type { Options } from "yargs";
import {
  checkpoint,
  configuration,
  folds,
  hookFile,
  imageGroup,
  json,
  modelDir,
  output,
  outputGroup,
  overwrite,
  target,
  task,
  trainedModelOptions,
  windowOptions,
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
  ...windowOptions,
  "use-tta": { ...windowOptions["use-tta"], defaultDescription: "true" },
  "step-size": { ...windowOptions["step-size"], default: 0.5 },
  precision: { ...windowOptions.precision, default: "auto" as const },
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
  folds,
  target: { ...target, describe: "where the image will run", defaultDescription: "plain" },
  "output-socket": {
    group: "Platform:",
    type: "string",
    requiresArg: true,
    describe: "grand-challenge: slug of the socket that takes the segmentation",
  },
  team: {
    group: "Platform:",
    type: "string",
    requiresArg: true,
    describe: "AMOS22: the team's name, in lower-case letters and digits",
  },
  output: {
    ...output,
    default: "config.json",
    describe: "file to write; config.schema.json is put next to it",
  },
  overwrite,
} as const satisfies Readonly<Record<string, Options>>;

import type { Options } from "yargs";
import { convertFormats } from "../../convert/convert-format.js";
import { gpus } from "./gpu-options.js";
import { json, outputGroup } from "./output-options.js";
import {
  checkpoint,
  configuration,
  folds,
  hookFile,
  imageGroup,
  modelDir,
  modelGroup,
  nvidia,
  nvidiaConfig,
  output,
  overwrite,
  target,
  task,
  trainedModelOptions,
} from "./shared-options.js";

/** The options of `predict` besides the settings. */
export const predictOptions = {
  "model-dir": {
    ...modelDir,
    describe: `${modelDir.describe}; or one folder written by \`convert\`; needed unless --image names an image with a model`,
  },
  image: {
    group: modelGroup,
    type: "string",
    requiresArg: true,
    describe:
      "image that segments instead of this program, through Docker: one with a model, or one for any model (--no-model) with --model-dir",
  },
  ...trainedModelOptions,
  input: {
    group: imageGroup,
    alias: "i",
    type: "string",
    array: true,
    requiresArg: true,
    demandOption: true,
    describe:
      "folder or files; <case>_0000<ending>, one file for each channel. A folder of DICOM files is one series",
  },
  "prev-stage-predictions": {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe:
      "for a cascade: folder with the low-resolution segmentations <case><ending>, instead of --prev-stage-model",
  },
  "process-img-file": hookFile,
  gpus,
  output: { ...output, demandOption: true, describe: "folder for the segmentations <case><ending>" },
  "dicom-metadata": {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "file that describes the segments of DICOM results: a dcmqi template, or names",
    defaultDescription: "the model's labels",
  },
  overwrite,
  continue: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "keep existing results and segment only the other cases",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const convertOptions = {
  "model-dir": { ...modelDir, demandOption: true },
  ...trainedModelOptions,
  format: {
    group: outputGroup,
    choices: convertFormats,
    default: "processor" as const,
    describe:
      "processor: the networks as this program runs them; onnx: plain networks for other runtimes; triton: a model repository for Triton Inference Server",
  },
  output: {
    ...output,
    demandOption: true,
    describe:
      "folder for manifest.json and the networks: fold_k.onnx with fold_k.weights, and network.gpu.onnx",
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
  nvidia,
  "nvidia-config": nvidiaConfig,
  target: { ...target, describe: "where the image will run", defaultDescription: "plain" },
  "output-socket": {
    group: "Platform:",
    type: "string",
    requiresArg: true,
    describe: "for grand-challenge: slug of the output socket for the segmentation",
  },
  team: {
    group: "Platform:",
    type: "string",
    requiresArg: true,
    describe: "for AMOS22: the team's name in lower-case letters and digits",
  },
  output: {
    ...output,
    default: "config.json",
    describe: "file to write; config.schema.json is put next to it",
  },
  "dicom-metadata": {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe:
      "also write this file, a template that describes the segments of DICOM results, for you to complete; config.json names it",
  },
  overwrite,
} as const satisfies Readonly<Record<string, Options>>;

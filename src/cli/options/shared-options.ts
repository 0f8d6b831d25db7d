import type { Options } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { targetKinds } from "../../../processor/contract/target.js";
import { imageParts } from "../../base-image/image-parts.js";
import { baseParts, cudaMajors } from "../../base-image/variants.js";
import { outputGroup } from "./output-options.js";

export const modelGroup = "Model:";
export const imageGroup = "Image:";
export const registryGroup = "Registry:";

export const modelDir = {
  group: modelGroup,
  type: "string",
  array: true,
  requiresArg: true,
  describe:
    "trained model: a folder with plans.json, dataset.json and fold_*, a results tree, a .zip, https:…, zenodo:RECORD/FILE or totalsegmentator:TASK; the predictions of several are averaged",
} as const satisfies Options;

export const task = {
  group: modelGroup,
  alias: "d",
  type: "string",
  requiresArg: true,
  describe: "task or dataset, if the folder holds several: 4, Hippocampus, Task004_Hippocampus, …",
} as const satisfies Options;

export const configuration = {
  group: modelGroup,
  alias: "c",
  type: "string",
  array: true,
  requiresArg: true,
  describe:
    "nnU-Net configuration, if the folder holds several: 2d, 3d_fullres, …; the predictions of several are averaged",
} as const satisfies Options;

export const previousStageModel = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "for a cascade: the model of its low-resolution stage",
  defaultDescription: "next to the second stage, where nnU-Net saves it",
} as const satisfies Options;

export const postProcessing = {
  group: modelGroup,
  type: "string",
  default: "auto",
  requiresArg: true,
  describe: "auto (what nnU-Net chose for the model), off, or the path of a postprocessing.json or .pkl",
} as const satisfies Options;

export const checkpoint = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "file name of the checkpoint in each fold's folder",
  defaultDescription: "checkpoint_final.pth",
} as const satisfies Options;

export const onnx = {
  group: modelGroup,
  type: "string",
  array: true,
  requiresArg: true,
  describe:
    "ONNX file of your own network, one for each fold; --model-dir then needs only plans.json and dataset.json",
} as const satisfies Options;

export const nvidia = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe:
    "for a .ckpt of NVIDIA's nnU-Net: JSON file with what no file of the model says, such as CT statistics; or a config.json with the key nvidia",
} as const satisfies Options;

export const nvidiaConfig = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "for a .ckpt of NVIDIA's nnU-Net: the config.pkl of its preprocessing",
  defaultDescription: "next to the checkpoint",
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

/** The options that choose a trained model, for commands that do not read config.json. */
export const trainedModelOptions = {
  task,
  configuration,
  checkpoint,
  folds,
  onnx,
  nvidia,
  "nvidia-config": nvidiaConfig,
  "prev-stage-model": previousStageModel,
  postprocessing: postProcessing,
} as const satisfies Readonly<Record<string, Options>>;

/** Each command adds its own description. */
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
    "your TypeScript or JavaScript module that changes images before or results after segmentation (docs/how-to/process-img.md)",
} as const satisfies Options;

export const cuda = {
  group: imageGroup,
  type: "string",
  choices: cudaMajors,
  requiresArg: true,
  describe: "CUDA version in an image for GPUs; 12 is for older drivers and GPUs (docs/reference/gpu.md)",
  defaultDescription: "13",
} as const satisfies Options;

export const gpuArch = {
  group: imageGroup,
  type: "string",
  array: true,
  requiresArg: true,
  coerce: checkedArchitectures,
  describe:
    "compute capabilities of the GPUs that an image with CUDA is for, such as 8.6: a smaller image (docs/reference/gpu.md)",
  defaultDescription: "all that the CUDA version supports",
} as const satisfies Options;

/** @throws USAGE for a text that is not a compute capability */
function checkedArchitectures(words: readonly string[]): readonly string[] {
  const architectures = words.flatMap((word) => word.split(","));
  const wrong = architectures.find((word) => !/^\d{1,2}\.\d$/.test(word));
  if (wrong === undefined) return architectures;
  throw sharedError(
    "USAGE",
    `--gpu-arch takes compute capabilities such as 8.6, not ${JSON.stringify(wrong)}; \`nvidia-smi --query-gpu=compute_cap --format=csv\` shows that of a GPU`,
  );
}

export const leaveOut = {
  group: imageGroup,
  type: "string",
  array: true,
  choices: baseParts,
  requiresArg: true,
  describe:
    "parts that an image for CPUs does without: openvino, the second inference engine (29 MB compressed, 93 MB unpacked)",
} as const satisfies Options;

/** What the whole image may do without. */
export const leaveOutOfImage = {
  ...leaveOut,
  choices: imageParts,
  describe: `${leaveOut.describe}; dicom, the decoders of compressed DICOM images (0.4 MB compressed); service, the packages of the HTTP service and of its queue (1.2 MB; images for grand-challenge keep those of invoke)`,
} as const satisfies Options;

export const zenodoUrl = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "address of a mirror of zenodo.org",
} as const satisfies Options;

export const overwrite = {
  group: outputGroup,
  type: "boolean",
  default: false,
  describe: "replace existing files",
} as const satisfies Options;

export const target = {
  group: "Platform:",
  choices: targetKinds,
  defaultDescription: "the platform that the image was built for, or grand-challenge",
} as const satisfies Options;

import type { Options } from "yargs";
import { targetKinds } from "../../processor/model/target-file.js";
import { cudaMajors } from "../image/base-image/variants.js";
import { imagePlatforms } from "../image/image-plan.js";

const modelGroup = "Model:";
const imageGroup = "Image:";
const outputGroup = "Output:";
const registryGroup = "Registry:";

const modelDir = {
  group: modelGroup,
  type: "string",
  array: true,
  requiresArg: true,
  describe:
    "trained model: folder with plans.json, dataset.json and fold_*, a results tree, a .zip, https:… or zenodo:RECORD/FILE; several are averaged",
} as const satisfies Options;

const task = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "task or dataset, when the folder holds several: 4, Hippocampus, Task004_Hippocampus, …",
} as const satisfies Options;

const configuration = {
  group: modelGroup,
  type: "string",
  array: true,
  requiresArg: true,
  describe: "nnU-Net configuration, when the folder holds several: 2d, 3d_fullres, …; several are averaged",
} as const satisfies Options;

const previousStageModel = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "for a cascade: the model of its low-resolution stage",
  defaultDescription: "beside the second stage, as nnU-Net keeps it",
} as const satisfies Options;

const postProcessing = {
  group: modelGroup,
  type: "string",
  default: "auto",
  requiresArg: true,
  describe: "auto for what nnU-Net decided for the model, off, or a postprocessing.json or .pkl",
} as const satisfies Options;

const checkpoint = {
  group: modelGroup,
  type: "string",
  requiresArg: true,
  describe: "checkpoint in each fold's folder",
  defaultDescription: "checkpoint_final.pth",
} as const satisfies Options;

const onnx = {
  group: modelGroup,
  type: "string",
  array: true,
  requiresArg: true,
  describe:
    "ONNX file of your own network, one for each fold, beside plans.json and dataset.json in --model-dir",
} as const satisfies Options;

const folds = {
  group: modelGroup,
  type: "string",
  array: true,
  requiresArg: true,
  describe: "folds to use: 0 1 2, or all",
  defaultDescription: "every fold_k with the checkpoint",
} as const satisfies Options;

const hookFile = {
  group: imageGroup,
  type: "string",
  requiresArg: true,
  describe:
    "own TypeScript or JavaScript module that changes images before, or results after (docs/how-to/process-img.md)",
} as const satisfies Options;

const cuda = {
  group: imageGroup,
  type: "string",
  choices: cudaMajors,
  requiresArg: true,
  describe: "CUDA in an image for GPUs: 12 for older drivers and GPUs (docs/reference/gpu.md)",
  defaultDescription: "13",
} as const satisfies Options;

const json = {
  group: outputGroup,
  type: "boolean",
  default: false,
  describe: "print a report as JSON on stdout, everything else on stderr",
} as const satisfies Options;

const overwrite = {
  group: outputGroup,
  type: "boolean",
  default: false,
  describe: "replace what is there already",
} as const satisfies Options;

export const registryOptions = {
  "registry-username": {
    group: registryGroup,
    type: "string",
    requiresArg: true,
    describe: "account in the image's registry",
    defaultDescription: "what `docker login` left",
  },
  "registry-password-stdin": {
    group: registryGroup,
    type: "boolean",
    default: false,
    describe:
      "read that account's password from the standard input, not from BUILD_PROCESSOR_REGISTRY_PASSWORD",
  },
  "registry-plain-http": {
    group: registryGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "registries (host:port) that are spoken to without TLS; this machine's own are anyway",
  },
  "registry-ca": {
    group: registryGroup,
    type: "string",
    requiresArg: true,
    describe: "PEM file of an authority to trust as well",
  },
} as const satisfies Readonly<Record<string, Options>>;

export const buildOptions = {
  "config-file": {
    group: modelGroup,
    type: "string",
    requiresArg: true,
    describe: "config.json with the image's defaults (docs/reference/config.md)",
    defaultDescription: "config.json if it exists",
  },
  "model-dir": { ...modelDir, defaultDescription: "the config's `model`, else models" },
  onnx,
  "prev-stage-model": previousStageModel,
  "download-pretrained": {
    group: modelGroup,
    type: "boolean",
    default: false,
    describe: "download the pretrained model of the config's task instead (see `build_processor models`)",
  },
  "zenodo-url": { group: modelGroup, type: "string", requiresArg: true, describe: "mirror of zenodo.org" },
  tag: {
    group: imageGroup,
    alias: "t",
    type: "string",
    requiresArg: true,
    describe: "image name; {task_id}, {task_name} and {timestamp} are filled in",
    defaultDescription: "nnunet/processor-task{task_id}-{task_name}:{timestamp}",
  },
  target: {
    group: imageGroup,
    choices: targetKinds,
    describe: "where the image will run (docs/how-to/targets.md)",
    defaultDescription: "config.json's, or plain",
  },
  registry: {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe: "registry, with a path if you like, in front of the default image name",
  },
  "base-image": {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe: "image to build upon",
    defaultDescription: "the recipe's own, built when missing",
  },
  device: {
    group: imageGroup,
    choices: ["auto", "cpu", "cuda"] as const,
    describe: "where the network will run; cuda takes the base image with CUDA",
    defaultDescription: "the config's, auto",
  },
  cuda: { ...cuda, defaultDescription: "the config's, 13" },
  platform: {
    group: imageGroup,
    choices: imagePlatforms,
    default: "linux/amd64" as const,
    describe: "machine that the image is for; arm64 without Docker, where the base's registry has it",
  },
  builder: {
    group: imageGroup,
    choices: ["auto", "docker", "embedded"] as const,
    default: "auto" as const,
    describe:
      "who puts the image together: Docker, this program alone (with --export or --push), or Docker if it answers",
  },
  "process-img-file": hookFile,
  "apply-resample-patch": {
    group: imageGroup,
    type: "boolean",
    default: false,
    describe: "accepted from older scripts: the export needs little memory anyway and gives the same answer",
  },
  export: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "also write <name>.tar.gz into this folder",
  },
  "model-tarball": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "leave the model out of the image and write it as model.tar.gz (with --target grand-challenge)",
  },
  "export-format": {
    group: outputGroup,
    choices: ["tar.gz", "tar"] as const,
    default: "tar.gz" as const,
    describe: "of the archive; skopeo and crane read only .tar",
  },
  push: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "also push the image to the registry in its name",
  },
  attest: {
    group: outputGroup,
    type: "boolean",
    default: true,
    describe:
      "with --export or --push: tell what is in the image (SPDX) and how it was made (SLSA provenance); --no-attest for neither (docs/how-to/attest.md)",
  },
  "sign-key": {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "with --push: sign the image with this P-256 key, as cosign does; COSIGN_PASSWORD opens it",
  },
  ...registryOptions,
  "build-dir": {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "folder for what the build needs meanwhile",
    defaultDescription: "build",
  },
  "keep-build-files": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "leave the build context in --build-dir",
  },
  "context-only": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "stop at the build context (model converted, Dockerfile rendered); needs no Docker",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

const {
  builder: _embedded,
  platform: _theImages,
  tag: _inTheImage,
  "apply-resample-patch": _nothing,
  export: _noArchive,
  "export-format": _noFormat,
  push: _noPush,
  attest: _noAttestation,
  "sign-key": _noKey,
  "keep-build-files": _noFiles,
  "context-only": _noContext,
  ...rebuildOptions
} = buildOptions;

export const verifyOptions = rebuildOptions;

export const predictOptions = {
  "model-dir": {
    ...modelDir,
    demandOption: true,
    describe: `${modelDir.describe}, or a folder that \`convert\` wrote`,
  },
  task,
  configuration,
  checkpoint,
  folds,
  onnx,
  "prev-stage-model": previousStageModel,
  postprocessing: postProcessing,
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
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    requiresArg: true,
    demandOption: true,
    describe: "folder for <case><ending>",
  },
  "save-probabilities": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "also write <case>.npz with every class's probabilities",
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
  task,
  configuration,
  checkpoint,
  folds,
  onnx,
  "prev-stage-model": previousStageModel,
  postprocessing: postProcessing,
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    requiresArg: true,
    demandOption: true,
    describe: "folder for manifest.json, fold_k.onnx and fold_k.weights",
  },
  overwrite,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const initOptions = {
  "model-dir": { ...modelDir, demandOption: true },
  task,
  configuration,
  checkpoint,
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    default: "config.json",
    requiresArg: true,
    describe: "file to write",
  },
  overwrite,
} as const satisfies Readonly<Record<string, Options>>;

export const baseImageOptions = {
  tag: {
    group: imageGroup,
    alias: "t",
    type: "string",
    requiresArg: true,
    describe: "image name",
    defaultDescription: "the recipe's own",
  },
  device: {
    group: imageGroup,
    choices: ["cpu", "cuda"] as const,
    default: "cpu" as const,
    describe: "what ONNX Runtime in it can use",
  },
  cuda,
  wheels: {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe: "folder with CUDA's wheels, for a machine without a network (the recipe names them)",
    defaultDescription: "they are downloaded from the index that pip is set to (PIP_INDEX_URL)",
  },
  "debian-root": {
    group: imageGroup,
    choices: ["auto", "image", "mmdebstrap"] as const,
    default: "auto" as const,
    describe: "where Debian comes from: its image, its packages (needs mmdebstrap), or what is there",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const modelsOptions = {
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    requiresArg: true,
    describe: "folder for `models download`",
  },
  "zenodo-url": { group: modelGroup, type: "string", requiresArg: true, describe: "mirror of zenodo.org" },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const inspectOptions = {
  "zenodo-url": { group: modelGroup, type: "string", requiresArg: true, describe: "mirror of zenodo.org" },
  json,
} as const satisfies Readonly<Record<string, Options>>;

const target = {
  group: "Platform:",
  choices: targetKinds,
  defaultDescription: "the one that the image was built for, else grand-challenge",
} as const satisfies Options;

export const preflightOptions = {
  target: { ...target, describe: "platform whose checks are made" },
  uploaded: {
    group: outputGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "config digests (sha256:…) that the platform has already",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const doctorOptions = {
  device: {
    group: imageGroup,
    choices: ["auto", "cpu", "cuda"] as const,
    default: "auto" as const,
    describe: "what images are to run on; with cuda a missing GPU is a failure",
  },
  cuda,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const simulateOptions = {
  target: { ...target, describe: "platform whose way of running is imitated" },
  memory: {
    group: "Platform:",
    type: "string",
    requiresArg: true,
    describe: "of the machine: 16g, 2048m",
    defaultDescription: "the platform's: 8g, AMOS22 30g",
  },
  timeout: {
    group: "Platform:",
    type: "number",
    default: 600,
    requiresArg: true,
    describe: "seconds for one case (one run where a run has many cases)",
  },
  socket: {
    group: "Platform:",
    type: "string",
    array: true,
    requiresArg: true,
    describe: "grand-challenge: input socket of each channel",
    defaultDescription: "those that the image was built for",
  },
  "model-tarball": {
    group: "Platform:",
    type: "string",
    requiresArg: true,
    describe: "grand-challenge: model.tar.gz that was written apart from the image",
  },
  input: {
    group: "Cases:",
    alias: "i",
    type: "string",
    requiresArg: true,
    demandOption: true,
    describe: "folder of images, or of folders laid out as /input (inputs.json, images/<slug>/)",
  },
  expect: {
    group: "Cases:",
    type: "string",
    requiresArg: true,
    describe: "folder of right segmentations, named after the cases",
  },
  "min-dice": {
    group: "Cases:",
    type: "number",
    default: 0.99,
    requiresArg: true,
    describe: "with --expect: what every label must reach",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

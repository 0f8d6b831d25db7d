import type { Options } from "yargs";
import { registryOptions } from "./build-options.js";
import { json, outputGroup } from "./output-options.js";
import {
  cuda,
  gpuArch,
  imageGroup,
  leaveOut,
  nvidia,
  nvidiaConfig,
  target,
  zenodoUrl,
} from "./shared-options.js";

export const baseImageOptions = {
  tag: {
    group: imageGroup,
    alias: "t",
    type: "string",
    requiresArg: true,
    describe: "image name",
    defaultDescription: "the name that builds look for",
  },
  device: {
    group: imageGroup,
    choices: ["cpu", "cuda"] as const,
    default: "cpu" as const,
    describe: "device that ONNX Runtime in the image can use",
  },
  cuda,
  "gpu-arch": gpuArch,
  "leave-out": leaveOut,
  wheels: {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe:
      "folder with the wheels of OpenVINO or CUDA that the recipe names, for a machine without a network",
    defaultDescription: "downloaded from pip's index (PIP_INDEX_URL)",
  },
  "debian-root": {
    group: imageGroup,
    choices: ["auto", "image", "packages", "mmdebstrap"] as const,
    default: "auto" as const,
    describe:
      "where Debian comes from: its image, its packages (needs apt-get; old name: mmdebstrap), or auto for whichever is available",
  },
  push: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "push the image to the registry in --tag, and lock its digest in processor.lock.json",
  },
  ...registryOptions,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const modelsOptions = {
  output: {
    group: outputGroup,
    alias: "o",
    type: "string",
    requiresArg: true,
    describe: "folder that `models download` unpacks the model into",
  },
  "zenodo-url": zenodoUrl,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const inferenceEnginesOptions = {
  wheels: {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe: "folder with OpenVINO's wheel, for a machine without a network",
    defaultDescription: "downloaded from pip's index (PIP_INDEX_URL)",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const inspectOptions = {
  nvidia,
  "nvidia-config": nvidiaConfig,
  "zenodo-url": zenodoUrl,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const preflightOptions = {
  target: { ...target, describe: "platform whose checks to run" },
  uploaded: {
    group: outputGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "config digests (sha256:…) of images that the platform already has",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const doctorOptions = {
  device: {
    group: imageGroup,
    choices: ["auto", "cpu", "cuda"] as const,
    default: "auto" as const,
    describe: "where images will run; with cuda, a missing GPU is a failure",
  },
  cuda,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const simulateOptions = {
  target: { ...target, describe: "platform to imitate" },
  memory: {
    group: "Platform:",
    type: "string",
    requiresArg: true,
    describe: "memory of the machine, such as 16g or 2048m",
    defaultDescription: "the platform's: 8g, or 30g for AMOS22",
  },
  timeout: {
    group: "Platform:",
    type: "number",
    default: 600,
    requiresArg: true,
    describe: "seconds for one case, or for the whole run if the platform runs many cases at once",
  },
  socket: {
    group: "Platform:",
    type: "string",
    array: true,
    requiresArg: true,
    describe: "for grand-challenge: the input socket of each channel",
    defaultDescription: "the sockets that the image was built for",
  },
  "model-tarball": {
    group: "Platform:",
    type: "string",
    requiresArg: true,
    describe: "for grand-challenge: model.tar.gz, if the model is not in the image",
  },
  input: {
    group: "Cases:",
    alias: "i",
    type: "string",
    requiresArg: true,
    demandOption: true,
    describe: "folder with images, or with folders laid out like /input (inputs.json, images/<slug>/)",
  },
  expect: {
    group: "Cases:",
    type: "string",
    requiresArg: true,
    describe: "folder with the expected segmentations, named after the cases",
  },
  "min-dice": {
    group: "Cases:",
    type: "number",
    default: 0.99,
    requiresArg: true,
    describe: "with --expect: Dice coefficient that every label must reach",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

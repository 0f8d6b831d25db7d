import type { Options } from "yargs";
import { registryOptions } from "./build-options.js";
import { cuda, imageGroup, json, outputGroup, target, zenodoUrl } from "./shared-options.js";

export const baseImageOptions = {
  tag: {
    group: imageGroup,
    alias: "t",
    type: "string",
    requiresArg: true,
    describe: "image name",
    defaultDescription: "the one that builds look for",
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
    choices: ["auto", "image", "packages", "mmdebstrap"] as const,
    default: "auto" as const,
    describe:
      "where Debian comes from: its image, its packages (needs apt-get; mmdebstrap is the old name), or what is there",
  },
  push: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "send the image to the registry in its --tag, and lock its digest in processor.lock.json",
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
    describe: "folder for `models download`",
  },
  "zenodo-url": zenodoUrl,
  json,
} as const satisfies Readonly<Record<string, Options>>;

export const inspectOptions = {
  "zenodo-url": zenodoUrl,
  json,
} as const satisfies Readonly<Record<string, Options>>;

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

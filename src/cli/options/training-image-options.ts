import type { Options } from "yargs";
import { json } from "./output-options.js";
import { imageGroup } from "./shared-options.js";

export const trainingImageOptions = {
  tag: {
    group: imageGroup,
    alias: "t",
    type: "string",
    requiresArg: true,
    default: "nnunet-training:1",
    describe: "name of the image",
  },
  device: {
    group: imageGroup,
    choices: ["cpu", "cuda"] as const,
    default: "cuda" as const,
    describe: "device to train on; a CPU is practical for tiny networks only, but the image is much smaller",
  },
  base: {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    default: "debian:trixie-slim",
    describe: "image of Debian 13 (trixie) to begin with, in Docker or in a registry",
  },
  json,
} as const satisfies Readonly<Record<string, Options>>;

import { defineErrors } from "./errors.js";

/**
 * The errors that more than one program or project reports. The remedies are for the user of an image;
 * `build_processor` has some remedies of its own (src/ground/errors/catalogue.ts).
 */
export const sharedError = defineErrors({
  USAGE: { exit: 2, http: 400, help: "Run the command with --help to see its options." },
  CONFIG_INVALID: {
    exit: 2,
    http: 400,
    help: "Correct the setting in config.json and build the image again, or override it: --help lists the flags.",
  },
  OUTPUT_EXISTS: { exit: 2, http: 409, help: "Give each run an output folder of its own." },
  EXPORT_MODE_UNFIT: { exit: 2, http: 400, help: "Use the mode normal, which is nnU-Net's default." },
  HOOK_INVALID: {
    exit: 2,
    http: 400,
    help: "Correct the module with the hooks, and build the image again.",
  },
  MODEL_NOT_FOUND: {
    exit: 3,
    http: 404,
    help: "Pass --model-dir with a folder that `build_processor convert` wrote, or build the image again.",
  },
  FOLD_MISSING: { exit: 3, http: 404, help: "Ask only for folds that the model has." },
  PLANS_UNSUPPORTED: {
    exit: 3,
    http: 500,
    help: "Only nnU-Net's own rules are known. A network of your own goes into an image as an ONNX file: `onnx` in config.json.",
  },
  TARGET_UNFIT: { exit: 3, http: 500, help: "Train a model whose channels and labels the platform takes." },
  MANIFEST_INVALID: {
    exit: 3,
    http: 500,
    help: "Build the image again: its model and its program must come from one version of build_processor.",
  },
  INPUT_NOT_FOUND: {
    exit: 4,
    http: 404,
    help: 'Mount the folder of images: `docker run -v "$PWD/in:/input:ro" …`. --inputdir names another place.',
  },
  NODE_TOO_OLD: {
    exit: 5,
    http: 500,
    help: "Install the current LTS from https://nodejs.org. On a cluster, `module avail node` may list it. Without administrator rights, unpack the archive from https://nodejs.org into your home folder and put its bin folder first in PATH.",
  },
  ARCHIVE_INVALID: {
    exit: 3,
    http: 400,
    help: "Copy or make the archive again; compare its size with the original.",
  },
  ARCHIVE_UNSAFE: {
    exit: 3,
    http: 400,
    help: "Do not unpack this file with other programs either. Get the archive from the person who made it.",
  },
  OUTPUT_UNWRITABLE: {
    exit: 5,
    http: 500,
    help: 'Make the folder first (`mkdir -p out`) and run as its owner: `docker run --user "$(id -u):$(id -g)" …`.',
  },
  DISK_FULL: { exit: 5, http: 507, help: "Free some space, or write to another disk." },
  OUT_OF_MEMORY: { exit: 5, http: 503, help: "Give the process more memory, or split the image." },
  SOME_CASES_FAILED: {
    exit: 6,
    http: 500,
    help: "The other cases are done; the lines above say what was wrong with these.",
  },
  INTERRUPTED: { exit: 130, http: 503, help: "No half-written file remains." },
});

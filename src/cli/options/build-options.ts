import type { Options } from "yargs";
import { targetKinds } from "../../../processor/contract/target.js";
import { imagePlatforms } from "../../image/image-plan.js";
import { json, outputGroup } from "./output-options.js";
import {
  checkpoint,
  configuration,
  cuda,
  folds,
  gpuArch,
  hookFile,
  imageGroup,
  leaveOutOfImage,
  modelDir,
  modelGroup,
  nvidiaConfig,
  onnx,
  overwrite,
  previousStageModel,
  registryGroup,
  task,
  zenodoUrl,
} from "./shared-options.js";

export const registryOptions = {
  "registry-username": {
    group: registryGroup,
    type: "string",
    requiresArg: true,
    describe: "user name for the image's registry",
    defaultDescription: "the account of `docker login`",
  },
  "registry-password-stdin": {
    group: registryGroup,
    type: "boolean",
    default: false,
    describe: "read the password from standard input instead of BUILD_PROCESSOR_REGISTRY_PASSWORD",
  },
  "registry-plain-http": {
    group: registryGroup,
    type: "string",
    array: true,
    requiresArg: true,
    describe: "registries (host:port) to contact without TLS, as those on this machine always are",
  },
  "registry-ca": {
    group: registryGroup,
    type: "string",
    requiresArg: true,
    describe: "PEM file with an additional certificate authority to trust",
  },
} as const satisfies Readonly<Record<string, Options>>;

/** The options of `build` besides the settings. */
export const buildOptions = {
  "config-file": {
    group: modelGroup,
    type: "string",
    requiresArg: true,
    describe:
      "config.json with the image's defaults (docs/reference/config.md); processor.lock.json is kept next to it",
    defaultDescription: "config.json if it exists",
  },
  "model-dir": { ...modelDir, defaultDescription: "`model` in config.json, or models" },
  model: {
    group: modelGroup,
    type: "boolean",
    default: true,
    describe:
      "put the model into the image; --no-model makes one image for any trained model, which is mounted at /model and converted at start (docs/how-to/any-model.md)",
  },
  task: { ...task, defaultDescription: "from config.json" },
  configuration: { ...configuration, defaultDescription: "from config.json" },
  folds: { ...folds, defaultDescription: "from config.json, or every fold_k with the checkpoint" },
  checkpoint: { ...checkpoint, defaultDescription: "from config.json, or checkpoint_final.pth" },
  onnx,
  "nvidia-config": nvidiaConfig,
  "prev-stage-model": previousStageModel,
  "download-pretrained": {
    group: modelGroup,
    type: "boolean",
    default: false,
    describe: "download the pretrained model of the task in config.json (see `build_processor models`)",
  },
  "zenodo-url": zenodoUrl,
  tag: {
    group: imageGroup,
    alias: "t",
    type: "string",
    requiresArg: true,
    describe: "image name; {task_id}, {task_name} and {timestamp} are replaced by their values",
    defaultDescription: "nnunet/processor-task{task_id}-{task_name}:{timestamp}",
  },
  target: {
    group: imageGroup,
    choices: targetKinds,
    describe: "where the image will run (docs/how-to/targets.md)",
    defaultDescription: "from config.json, or plain",
  },
  registry: {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe: "registry, optionally with a path, to put before the default image name",
  },
  "base-image": {
    group: imageGroup,
    type: "string",
    requiresArg: true,
    describe: "base image to build on",
    defaultDescription: "this version's own, built if it is missing",
  },
  cuda: { ...cuda, defaultDescription: "from config.json, or 13" },
  "gpu-arch": { ...gpuArch, defaultDescription: "from config.json, or all that the CUDA version supports" },
  "leave-out": leaveOutOfImage,
  platform: {
    group: imageGroup,
    choices: imagePlatforms,
    default: "linux/amd64" as const,
    describe:
      "machine that the image is for; images for arm64 are built without Docker, and --base-image must have arm64 too",
  },
  builder: {
    group: imageGroup,
    choices: ["auto", "docker", "embedded"] as const,
    default: "auto" as const,
    describe:
      "what builds the image: docker; embedded (this program, with --export or --push); or auto (this program, which loads the image into Docker if Docker is running)",
  },
  "process-img-file": hookFile,
  "apply-resample-patch": {
    group: imageGroup,
    type: "boolean",
    default: false,
    describe: "accepted for older scripts, without effect: resampling always needs little memory",
  },
  export: {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "also write <name>.tar.gz into the current folder",
  },
  overwrite: {
    ...overwrite,
    default: true,
    describe: "replace an existing archive once the new one is complete; --no-overwrite fails instead",
  },
  "model-tarball": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "write the model to model.tar.gz instead of into the image (with --target grand-challenge)",
  },
  "export-format": {
    group: outputGroup,
    choices: ["tar.gz", "tar"] as const,
    default: "tar.gz" as const,
    describe: "format of the archive; skopeo and crane read only .tar",
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
      "with --export or --push: write the image's list of contents (SPDX) and its provenance (SLSA), next to the archive and into the registry; --no-attest writes neither (docs/how-to/attest.md)",
  },
  "sign-key": {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe:
      "with --push: sign the image with this P-256 key, as cosign does; the key's password is read from COSIGN_PASSWORD",
  },
  ...registryOptions,
  "build-dir": {
    group: outputGroup,
    type: "string",
    requiresArg: true,
    describe: "folder for temporary files of the build",
    defaultDescription: "build",
  },
  "keep-build-files": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "keep the build context in --build-dir",
  },
  "context-only": {
    group: outputGroup,
    type: "boolean",
    default: false,
    describe: "only write the build context (converted model and Dockerfile); needs no Docker",
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
  overwrite: _noArchiveThere,
  push: _noPush,
  attest: _noAttestation,
  "sign-key": _noKey,
  "keep-build-files": _noFiles,
  "context-only": _noContext,
  ...rebuildOptions
} = buildOptions;

/** The options of `verify` besides the settings. */
export const verifyOptions = rebuildOptions;

import type { Options } from "yargs";
import { targetKinds } from "../../../processor/contract/target.js";
import { imagePlatforms } from "../../image/image-plan.js";
import {
  checkpoint,
  configuration,
  cuda,
  folds,
  hookFile,
  imageGroup,
  json,
  modelDir,
  modelGroup,
  onnx,
  outputGroup,
  overwrite,
  previousStageModel,
  registryGroup,
  task,
  windowOptions,
  zenodoUrl,
} from "./shared-options.js";

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
    describe:
      "config.json with the image's defaults (docs/reference/config.md); processor.lock.json goes beside it",
    defaultDescription: "config.json if it exists",
  },
  "model-dir": { ...modelDir, defaultDescription: "the config's `model`, else models" },
  task: { ...task, defaultDescription: "the config's" },
  configuration: { ...configuration, defaultDescription: "the config's" },
  folds: { ...folds, defaultDescription: "the config's, else every fold_k with the checkpoint" },
  checkpoint: { ...checkpoint, defaultDescription: "the config's, else checkpoint_final.pth" },
  onnx,
  "prev-stage-model": previousStageModel,
  "download-pretrained": {
    group: modelGroup,
    type: "boolean",
    default: false,
    describe: "download the pretrained model of the config's task instead (see `build_processor models`)",
  },
  "zenodo-url": zenodoUrl,
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
    defaultDescription: "the one of this version, built when missing",
  },
  device: {
    group: imageGroup,
    choices: ["auto", "cpu", "cuda"] as const,
    describe: "where the network will run; cuda takes the base image with CUDA",
    defaultDescription: "the config's, auto",
  },
  cuda: { ...cuda, defaultDescription: "the config's, 13" },
  ...windowOptions,
  "use-tta": { ...windowOptions["use-tta"], defaultDescription: "the config's, false" },
  "step-size": { ...windowOptions["step-size"], defaultDescription: "the config's, 0.5" },
  precision: { ...windowOptions.precision, defaultDescription: "the config's, auto" },
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
      "what builds the image: docker; embedded, this program alone (with --export or --push); or auto, this program, which then loads the image into Docker if it answers",
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
  overwrite: {
    ...overwrite,
    default: true,
    describe: "replace an existing archive when the new one is complete; --no-overwrite refuses",
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
      "with --export or --push: write a list of what is in the image (SPDX) and how it was made (SLSA provenance), next to the archive and into the registry; --no-attest omits both (docs/how-to/attest.md)",
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
  overwrite: _noArchiveThere,
  push: _noPush,
  attest: _noAttestation,
  "sign-key": _noKey,
  "keep-build-files": _noFiles,
  "context-only": _noContext,
  ...rebuildOptions
} = buildOptions;

export const verifyOptions = rebuildOptions;

import { batchCommand, batchCommands } from "./batch-commands.js";
import type { Command } from "./command.js";
import { evaluationCommands } from "./command-groups/evaluation.js";
import { modelFileCommands } from "./command-groups/model-files.js";
import { serviceCommands } from "./command-groups/service.js";
import { trainingCommands } from "./command-groups/training.js";
import { nnunetCommands } from "./nnunet-commands.js";
import { buildOptions, verifyOptions } from "./options/build-options.js";
import {
  baseImageOptions,
  doctorOptions,
  inferenceEnginesOptions,
  inspectOptions,
  modelsOptions,
  preflightOptions,
  simulateOptions,
} from "./options/image-options.js";
import { convertOptions, initOptions, predictOptions } from "./options/run-options.js";
import { serveOptionsOfPredict } from "./options/serve-options.js";
import { withSettings } from "./options/setting-options.js";

const image = {
  type: "string",
  describe: "image name, or an archive from `docker save` or --export (.tar, .tar.gz, .tar.xz)",
} as const;

export const commands: Readonly<Record<string, Command>> = {
  build: {
    usage: "$0",
    describe: "build a processor image from a trained model, with Docker or without",
    options: withSettings(buildOptions, "build"),
    examples: [
      [
        "$0 --model-dir results/Dataset004_Liver --tag team/liver:1 --export",
        "builds an image in Docker, and team-liver-1.tar.gz",
      ],
      ["$0 --config-file config.json --model-dir model/", "uses your own defaults"],
    ],
    load: async () => (await import("./commands/build.js")).runBuild,
  },
  predict: {
    usage: "predict",
    describe: "segment medical images with a model directly, without building an image",
    options: withSettings({ ...predictOptions, ...serveOptionsOfPredict }, "predict"),
    examples: [
      ["$0 predict --model-dir model/ -i images/ -o segmentations/", "segments every case in a folder"],
    ],
    load: async () => (await import("./commands/predict.js")).runPredict,
  },
  convert: {
    usage: "convert",
    describe: "convert a model's PyTorch checkpoints to ONNX, without building an image",
    options: convertOptions,
    examples: [["$0 convert --model-dir model/ --folds 0 1 -o converted/", "converts two of the folds"]],
    load: async () => (await import("./commands/convert.js")).runConvert,
  },
  init: {
    usage: "init",
    describe: "write a config.json that fits a model",
    options: initOptions,
    examples: [
      ["$0 init --model-dir model/", "writes config.json into the current folder"],
      ["$0 init --model-dir model/ --output-socket liver-segmentation", "writes one for grand-challenge"],
    ],
    load: async () => (await import("./commands/init.js")).runInit,
  },
  "base-image": {
    usage: "base-image",
    describe: "build the base image that all processor images share",
    options: baseImageOptions,
    examples: [["$0 base-image", "builds it under the name that later builds look for"]],
    load: async () => (await import("./commands/base-image.js")).runBaseImage,
  },
  models: {
    usage: "models [action] [name]",
    describe: "list the pretrained models, describe one, or download it",
    options: modelsOptions,
    positional: {
      action: { choices: ["list", "info", "download"], default: "list", describe: "what to do" },
      name: { type: "string", describe: "name of the model" },
    },
    examples: [["$0 models info Task003_Liver", "shows the model's channels, labels and licence"]],
    load: async () => (await import("./commands/models.js")).runModels,
  },
  "inference-engines": {
    usage: "inference-engines [action]",
    describe: "list what computes networks on this machine's CPU, or install OpenVINO, which is often faster",
    options: inferenceEnginesOptions,
    positional: { action: { choices: ["list", "install"], default: "list", describe: "what to do" } },
    examples: [["$0 inference-engines install", "downloads OpenVINO's libraries once, 59 MB, for predict"]],
    load: async () => (await import("./commands/inference-engines.js")).runInferenceEngines,
  },
  doctor: {
    usage: "doctor",
    describe: "check whether this machine can build and run images",
    options: doctorOptions,
    examples: [["$0 doctor --device cuda", "also checks the GPU, its driver and the container toolkit"]],
    load: async () => (await import("./commands/doctor.js")).runDoctor,
  },
  inspect: {
    usage: "inspect <model>",
    describe: "show what is in a model, archive, checkpoint, ONNX file or image",
    options: inspectOptions,
    positional: {
      model: {
        type: "string",
        describe:
          "anything that --model-dir accepts, a checkpoint, an .onnx file, an image name or an image archive",
      },
    },
    examples: [
      ["$0 inspect results/Dataset004_Liver", "shows every configuration in the folder"],
      ["$0 inspect team/liver:1 --json", "describes an image in Docker as JSON"],
    ],
    load: async () => (await import("./commands/inspect.js")).runInspect,
  },
  verify: {
    usage: "verify <image>",
    describe: "rebuild an image from the same inputs and compare the two layer by layer",
    options: withSettings(verifyOptions, "build"),
    positional: {
      image: { type: "string", describe: "archive, oci:FOLDER, or a name that Docker or a registry knows" },
    },
    examples: [
      ["$0 verify team-liver-1.tar.gz --model-dir model/", "exits with code 5 if something differs"],
    ],
    load: async () => (await import("./commands/verify.js")).runVerify,
  },
  preflight: {
    usage: "preflight <image>",
    describe: "check an image as the platform will after the upload",
    options: preflightOptions,
    positional: { image },
    examples: [["$0 preflight team-liver-1.tar.gz", "runs grand-challenge's checks in its order"]],
    load: async () => (await import("./commands/preflight.js")).runPreflight,
  },
  simulate: {
    usage: "simulate <image>",
    describe: "run an image as the platform will, and check its output (needs Docker)",
    options: simulateOptions,
    positional: { image },
    examples: [
      ["$0 simulate team/liver:1 -i cases/ --expect right/", "runs it as grand-challenge does"],
      ["$0 simulate myteam-task1.tar.gz --target amos22 -i images/", "runs it as AMOS22 does"],
    ],
    load: async () => (await import("./commands/simulate.js")).runSimulate,
  },
  ...nnunetCommands,
  ...trainingCommands,
  ...evaluationCommands,
  ...serviceCommands,
  ...modelFileCommands,
  batch: batchCommand,
  ...batchCommands,
};

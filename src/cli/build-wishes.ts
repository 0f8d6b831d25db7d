import type { InferredOptionTypes } from "yargs";
import { flagNames, settingChoices } from "../../processor/contract/setting-choices.js";
import type { BuildWishes } from "../build/build-wishes.js";
import type { CommandSession } from "./command-session.js";
import type { verifyOptions } from "./options/build-options.js";
import { registrySettings } from "./registry-settings.js";

/** The flags that `build` and `verify` share. */
type SharedArguments = InferredOptionTypes<typeof verifyOptions>;

type SharedWishes = Omit<BuildWishes, "image" | "builder" | "outputs" | "attestation"> & {
  readonly target: BuildWishes["image"]["target"];
  readonly registry: string | null;
  readonly hasModelTarball: boolean;
  readonly buildDir: string | null;
};

/** @throws USAGE for flags that contradict each other */
export function sharedWishes(args: SharedArguments, { terminal }: CommandSession): SharedWishes {
  return {
    configFile: args["config-file"] ?? null,
    task: args.task ?? null,
    models: {
      modelDirs: args["model-dir"] ?? null,
      configurations: args.configuration ?? null,
      checkpointName: args.checkpoint ?? null,
      folds: args.folds ?? null,
      onnxFiles: args.onnx ?? null,
      nvidiaConfigFile: args["nvidia-config"] ?? null,
      previousStage: args["prev-stage-model"] ?? null,
      isPretrained: args["download-pretrained"],
      zenodoUrl: args["zenodo-url"] ?? null,
    },
    isForAnyModel: !args.model,
    settings: settingChoices(args, "build", flagNames),
    hookFile: args["process-img-file"] ?? null,
    base: {
      imageName: args["base-image"] ?? null,
      cuda: args.cuda ?? null,
      gpuArchitectures: args["gpu-arch"] ?? null,
      leftOut: args["leave-out"] ?? [],
    },
    registriesFor: (imageName) => registrySettings(args, imageName, terminal),
    target: args.target ?? null,
    registry: args.registry ?? null,
    hasModelTarball: args["model-tarball"],
    buildDir: args["build-dir"] ?? null,
  };
}

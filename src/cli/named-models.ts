import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import type { NamedModels } from "../models/obtain-models.js";
import type { ModelRequest } from "../models/requested-models.js";

interface ModelArguments {
  readonly "model-dir": readonly string[];
  readonly task?: string | undefined;
  readonly configuration?: readonly string[] | undefined;
  readonly checkpoint?: string | undefined;
  readonly folds?: readonly string[] | undefined;
}

/** Returns the models that a command's flags name. */
export const namedModels = (args: ModelArguments, nvidia: NvidiaOptions | null): NamedModels => ({
  nvidia,
  modelDirs: args["model-dir"],
  task: args.task ?? null,
  configurations: args.configuration ?? null,
  checkpointName: args.checkpoint ?? null,
  folds: args.folds ?? [],
});

interface ModelRequestArguments extends ModelArguments {
  readonly onnx?: readonly string[] | undefined;
  readonly "prev-stage-model"?: string | undefined;
  readonly postprocessing: string;
}

/** Returns the models that the flags of `predict` and `convert` name. */
export const modelRequest = (args: ModelRequestArguments, nvidia: NvidiaOptions | null): ModelRequest => ({
  ...namedModels(args, nvidia),
  onnxFiles: args.onnx ?? null,
  previousStage: args["prev-stage-model"] ?? null,
  postProcessing: args.postprocessing,
});

import type { NamedModels } from "../models/obtain-models.js";

interface ModelArguments {
  readonly "model-dir": readonly string[];
  readonly task?: string | undefined;
  readonly configuration?: readonly string[] | undefined;
  readonly checkpoint?: string | undefined;
  readonly folds?: readonly string[] | undefined;
}

/** The models that a command's flags name. */
export const namedModels = (args: ModelArguments): NamedModels => ({
  modelDirs: args["model-dir"],
  task: args.task ?? null,
  configurations: args.configuration ?? null,
  checkpointName: args.checkpoint ?? null,
  folds: args.folds ?? null,
});

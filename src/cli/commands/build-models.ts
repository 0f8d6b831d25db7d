import type { InferredOptionTypes } from "yargs";
import type { EnsembleMember, ProcessorConfig } from "../../config/config.js";
import type { FindModelOptions } from "../../model-source/find-model.js";
import type { ModelSet } from "../../model-source/model-set.js";
import type { CommandSession } from "../command-session.js";
import type { buildOptions } from "../options/build-options.js";
import { pretrainedModel } from "./trained-model.js";
import { modelSetOf, postProcessingChoice, trainedModels } from "./trained-models.js";

type BuildArguments = InferredOptionTypes<typeof buildOptions>;

/** All models that the flags and the config name, with a cascade's earlier stage. */
export async function modelsOf(
  args: BuildArguments,
  config: ProcessorConfig,
  session: CommandSession,
): Promise<ModelSet> {
  const common = {
    previousStage: args["prev-stage-model"] ?? config.previousStage,
    needsPreviousStage: true,
    postProcessing: postProcessingChoice(config.postProcessing, session.terminal.currentDirectory),
  };
  const wanted = {
    ...(config.taskId === undefined ? {} : { taskId: config.taskId }),
    ...(config.taskName === undefined ? {} : { taskName: config.taskName }),
    ...(config.configuration === undefined ? {} : { configuration: config.configuration }),
    ...(config.checkpointName === undefined ? {} : { checkpointName: config.checkpointName }),
    folds: config.folds,
  };
  if (args["download-pretrained"]) {
    const ensemble =
      config.ensemble.length === 0 ? [wanted] : config.ensemble.map((m) => ({ ...wanted, ...given(m) }));
    const models = [];
    for (const member of ensemble) models.push(await pretrainedModel(member, args["zenodo-url"], session));
    return modelSetOf(models, common, session);
  }
  const modelDirs = args["model-dir"] ?? [config.modelSource ?? "models"];
  const members: readonly FindModelOptions[] =
    config.ensemble.length === 0
      ? modelDirs.map((modelDir) => ({ ...wanted, modelDir }))
      : config.ensemble.map((member) => ({
          ...wanted,
          ...given(member),
          modelDir: member.model ?? modelDirs[0]!,
        }));
  return trainedModels({ ...common, members, onnxFiles: args.onnx ?? config.onnxFiles }, session);
}

/** What an ensemble's member says itself. */
const given = ({ configuration, checkpointName, folds }: EnsembleMember) => ({
  ...(configuration === undefined ? {} : { configuration }),
  ...(checkpointName === undefined ? {} : { checkpointName }),
  ...(folds === undefined ? {} : { folds }),
});

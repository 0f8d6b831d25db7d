import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../processor/contract/shared-errors.js";
import type { CommandSession } from "../cli/command-session.js";
import type { buildOptions } from "../cli/options/build-options.js";
import type { EnsembleMember, ProcessorConfig } from "../config/config.js";
import type { FindModelOptions } from "./find-model.js";
import type { ModelSet } from "./model-set.js";
import { pretrainedModel } from "./obtain-model.js";
import { modelSetOf, postProcessingChoice, trainedModels } from "./obtain-models.js";

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
  const { folds } = args;
  const onFlags = {
    ...(args.checkpoint === undefined ? {} : { checkpointName: args.checkpoint }),
    ...(folds === undefined ? {} : { folds }),
  };
  const wanted = {
    ...(config.taskId === undefined ? {} : { taskId: config.taskId }),
    ...(config.taskName === undefined ? {} : { taskName: config.taskName }),
    ...(config.configuration === undefined ? {} : { configuration: config.configuration }),
    ...(config.checkpointName === undefined ? {} : { checkpointName: config.checkpointName }),
    ...{ folds: config.folds, ...onFlags },
  };
  const named = membersNamed(args.configuration);
  const ensemble = named ?? config.ensemble.map((member) => ({ ...given(member), ...onFlags }));
  if (args["download-pretrained"]) {
    const members = ensemble.length === 0 ? [wanted] : ensemble.map((member) => ({ ...wanted, ...member }));
    const models = [];
    for (const member of members) models.push(await pretrainedModel(member, args["zenodo-url"], session));
    return modelSetOf(models, common, session);
  }
  const modelDirs = args["model-dir"] ?? [config.modelSource ?? "models"];
  const members: readonly FindModelOptions[] =
    named !== null
      ? modelDirs.flatMap((modelDir) => named.map((member) => ({ ...wanted, ...member, modelDir })))
      : config.ensemble.length === 0
        ? modelDirs.map((modelDir) => ({ ...wanted, modelDir }))
        : config.ensemble.map((member, i) => ({
            ...{ ...wanted, ...ensemble[i] },
            modelDir: member.model ?? modelDirs[0]!,
          }));
  return trainedModels({ ...common, members, onnxFiles: args.onnx ?? config.onnxFiles }, session);
}

/** The members that the command line names, which replace the config's configuration and ensemble; null for none. */
function membersNamed(
  configurations: readonly string[] | undefined,
): readonly { readonly configuration: string }[] | null {
  const twice = configurations?.find((name, i) => configurations.indexOf(name) !== i);
  if (twice !== undefined) throw sharedError("USAGE", `--configuration names ${twice} twice`);
  return configurations?.map((configuration) => ({ configuration })) ?? null;
}

/** What an ensemble's member says itself. */
const given = ({ configuration, checkpointName, folds }: EnsembleMember) => ({
  ...(configuration === undefined ? {} : { configuration }),
  ...(checkpointName === undefined ? {} : { checkpointName }),
  ...(folds === undefined ? {} : { folds }),
});

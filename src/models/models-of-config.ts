import { sharedError } from "../../processor/contract/shared-errors.js";
import type { EnsembleMember, ProcessorConfig } from "../config/config.js";
import type { FindModelOptions } from "./find-model.js";
import type { ModelSet } from "./model-set.js";
import { pretrainedModel } from "./obtain-model.js";
import { modelSetOf, postProcessingChoice, trainedModels } from "./obtain-models.js";
import type { WorkContext } from "./work-context.js";

/** A caller's choice of models, which overrides config.json. Null means the value of config.json. */
export interface ModelChoice {
  readonly modelDirs: readonly string[] | null;
  /** Several configurations form an ensemble. */
  readonly configurations: readonly string[] | null;
  readonly checkpointName: string | null;
  readonly folds: readonly string[] | null;
  readonly onnxFiles: readonly string[] | null;
  /** The folder or source of a cascade's earlier stage. */
  readonly previousStage: string | null;
  /** True to download the pretrained model of the config's task. */
  readonly isPretrained: boolean;
  /** A mirror of Zenodo; null for Zenodo itself. */
  readonly zenodoUrl: string | null;
}

/** Finds all models that the caller and the config name, with a cascade's earlier stage. */
export async function modelsOf(
  choice: ModelChoice,
  config: ProcessorConfig,
  work: WorkContext,
): Promise<ModelSet> {
  const common = {
    previousStage: choice.previousStage ?? config.previousStage,
    needsPreviousStage: true,
    postProcessing: postProcessingChoice(config.postProcessing, work.currentDirectory),
  };
  const { checkpointName, folds } = choice;
  const chosen = {
    ...(checkpointName === null ? {} : { checkpointName }),
    ...(folds === null ? {} : { folds }),
  };
  const wanted = {
    ...(config.taskId === undefined ? {} : { taskId: config.taskId }),
    ...(config.taskName === undefined ? {} : { taskName: config.taskName }),
    ...(config.configuration === undefined ? {} : { configuration: config.configuration }),
    ...(config.checkpointName === undefined ? {} : { checkpointName: config.checkpointName }),
    folds: config.folds,
    ...chosen,
  };
  const named = membersNamed(choice.configurations);
  const ensemble = named ?? config.ensemble.map((member) => ({ ...given(member), ...chosen }));
  if (choice.isPretrained) {
    const members = ensemble.length === 0 ? [wanted] : ensemble.map((member) => ({ ...wanted, ...member }));
    const models = [];
    for (const member of members) models.push(await pretrainedModel(member, choice.zenodoUrl, work));
    return modelSetOf(models, common, work);
  }
  const modelDirs = choice.modelDirs ?? [config.modelSource ?? "models"];
  const members: readonly FindModelOptions[] =
    named !== null
      ? modelDirs.flatMap((modelDir) => named.map((member) => ({ ...wanted, ...member, modelDir })))
      : config.ensemble.length === 0
        ? modelDirs.map((modelDir) => ({ ...wanted, modelDir }))
        : config.ensemble.map((member, i) => ({
            ...wanted,
            ...ensemble[i],
            modelDir: member.model ?? modelDirs[0]!,
          }));
  return trainedModels({ ...common, members, onnxFiles: choice.onnxFiles ?? config.onnxFiles }, work);
}

/** Returns the caller's members, which replace the config's configuration and ensemble; null if the caller names none. */
function membersNamed(
  configurations: readonly string[] | null,
): readonly { readonly configuration: string }[] | null {
  const twice = configurations?.find((name, i) => configurations.indexOf(name) !== i);
  if (twice !== undefined) throw sharedError("USAGE", `--configuration names ${twice} twice`);
  return configurations?.map((configuration) => ({ configuration })) ?? null;
}

/** Returns the fields that a member of an ensemble sets itself. */
const given = ({ configuration, checkpointName, folds }: EnsembleMember) => ({
  ...(configuration === undefined ? {} : { configuration }),
  ...(checkpointName === undefined ? {} : { checkpointName }),
  ...(folds === undefined ? {} : { folds }),
});

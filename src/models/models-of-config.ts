import { resolve } from "node:path";
import { isNonEmpty, mapInOrder } from "../../processor/contract/non-empty.js";
import type { ImageSettings } from "../../processor/contract/run-settings.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { noNvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import type { ProcessorConfig } from "../config/config.js";
import type { ModelQuery } from "./model-query.js";
import type { ModelSet } from "./model-set.js";
import { pretrainedModel } from "./obtain-model.js";
import { modelSetOf, postProcessingChoice, trainedModels } from "./obtain-models.js";
import { isTaskAddress, needsOf, taskAddress, taskModels } from "./totalsegmentator-models.js";
import type { WorkContext } from "./work-context.js";

/** A caller's choice of models, which overrides config.json. Null means the value of config.json. */
export interface ModelChoice {
  readonly modelDirs: readonly string[] | null;
  /** Several configurations form an ensemble. */
  readonly configurations: readonly string[] | null;
  readonly checkpointName: string | null;
  readonly folds: readonly string[] | null;
  readonly onnxFiles: readonly string[] | null;
  /** The config.pkl of a model of NVIDIA's nnU-Net. */
  readonly nvidiaConfigFile: string | null;
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
  settings: ImageSettings = config.settings,
): Promise<ModelSet> {
  const common = {
    previousStage: choice.previousStage ?? config.previousStage,
    needsPreviousStage: true,
    postProcessing: postProcessingChoice(config.postProcessing, work.currentDirectory),
  };
  const query: ModelQuery = {
    taskId: config.taskId,
    taskName: config.taskName,
    configuration: config.configuration,
    checkpointName: choice.checkpointName ?? config.checkpointName,
    folds: choice.folds ?? config.folds,
    nvidia:
      choice.nvidiaConfigFile === null
        ? config.nvidia
        : {
            ...(config.nvidia ?? noNvidiaOptions),
            config: resolve(work.currentDirectory, choice.nvidiaConfigFile),
          },
  };
  const named = configurationsNamed(choice.configurations);
  const ensemble = named === null ? config.ensemble : [];
  const queries =
    ensemble.length === 0
      ? (named ?? [query.configuration]).map((configuration) => ({ ...query, configuration }))
      : ensemble.map((member) => ({
          ...query,
          configuration: member.configuration ?? query.configuration,
          checkpointName: choice.checkpointName ?? member.checkpointName ?? query.checkpointName,
          folds: choice.folds ?? member.folds ?? query.folds,
        }));
  if (choice.isPretrained && isNonEmpty(queries)) {
    const models = await mapInOrder(queries, async (member) => ({
      model: await pretrainedModel(member, choice.zenodoUrl, work),
      askedFolds: member.folds,
    }));
    return modelSetOf(models, common, work);
  }
  const modelDirs = choice.modelDirs ?? [
    config.totalsegTask === null ? (config.modelSource ?? "models") : taskAddress(config.totalsegTask),
  ];
  if (modelDirs.some(isTaskAddress)) {
    const others = {
      configurations: choice.configurations,
      checkpointName: query.checkpointName,
      folds: query.folds,
      onnxFiles: choice.onnxFiles ?? config.onnxFiles,
      previousStage: common.previousStage,
    };
    return taskModels(modelDirs, { needs: needsOf(settings, "image"), others }, work);
  }
  const members =
    ensemble.length === 0
      ? modelDirs.flatMap((modelDir) => queries.map((member) => ({ ...member, modelDir })))
      : queries.map((member, i) => ({ ...member, modelDir: ensemble[i]!.model ?? modelDirs[0]! }));
  return trainedModels({ ...common, members, onnxFiles: choice.onnxFiles ?? config.onnxFiles }, work);
}

/** Returns the caller's configurations, which replace the config's and its ensemble; null if the caller names none. */
function configurationsNamed(configurations: readonly string[] | null): readonly string[] | null {
  const twice = configurations?.find((name, i) => configurations.indexOf(name) !== i);
  if (twice !== undefined) throw sharedError("USAGE", `--configuration names ${twice} twice`);
  return configurations;
}

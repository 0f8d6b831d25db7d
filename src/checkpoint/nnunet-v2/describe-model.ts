import { join } from "node:path";
import { builderError } from "../../ground/errors/builder-errors.js";
import { refuseDescendant } from "../descendants.js";
import type { Field } from "../fields.js";
import type { ModelDescription, TrainingFacts } from "../model-description.js";
import type { Checkpoint } from "../network/checkpoint.js";
import type { NormalizationPlan } from "../network/network-plan.js";
import type { TrainedFold, TrainedModel } from "../network/trained-model.js";
import { readJsonFile } from "../read-json-file.js";
import { resolveConfiguration } from "./configuration.js";
import { readInferencePlan } from "./inference-plan.js";
import { readLabels } from "./label-definition.js";
import { readNetworkPlan } from "./network-plan.js";
import { readPrimusNetwork } from "./primus-plan.js";
import { readCheckpointV2 } from "./read-checkpoint.js";
import { trainerArchitecture } from "./trainer-architecture.js";

/**
 * Reads plans.json, dataset.json and the first fold's checkpoint, which names the trainer, the configuration
 * and the mirroring axes, as in nnU-Net.
 */
export async function describeModelV2({ folder, folds }: TrainedModel): Promise<ModelDescription> {
  const checkpoint = await readCheckpointV2(folds[0] as TrainedFold);
  const { trainer, mirrorAxes } = checkpoint;
  refuseDescendant(folder, checkpoint);
  const ownArchitecture = trainerArchitecture(trainer);
  if (ownArchitecture !== null && ownArchitecture !== "Primus")
    throw builderError(
      "ARCHITECTURE_UNKNOWN",
      `${folder}: the trainer ${trainer} builds the network ${ownArchitecture}, not the one in plans.json`,
    );
  const { configuration, ...facts } = await readTraining(folder, checkpoint.configuration);
  const channels = { inputChannels: facts.inputChannels, outputChannels: facts.heads };
  const network =
    ownArchitecture === "Primus"
      ? readPrimusNetwork({
          ...channels,
          weights: checkpoint.weights,
          patchSize: configuration.get("patch_size").integers(),
          source: folder,
        })
      : readNetworkPlan({ configuration, ...channels });
  return {
    ...describeTraining({ configuration, ...facts }, { trainer, mirrorAxes, name: checkpoint.configuration }),
    network: hasRunningStatistics(checkpoint)
      ? { ...network, normalization: batchNormOfTrainer(network.normalization) }
      : network,
  };
}

/** Reads the description without the network, for models whose architecture is not built in. */
export async function describeTrainingV2({ folder, folds }: TrainedModel): Promise<TrainingFacts> {
  const { trainer, mirrorAxes, configuration: name } = await readCheckpointV2(folds[0] as TrainedFold);
  return describeTraining(await readTraining(folder, name), { trainer, mirrorAxes, name });
}

/** Reads plans.json and dataset.json for one configuration. */
export async function readTraining(folder: string, configurationName: string) {
  const plansFile = join(folder, "plans.json");
  const datasetFile = join(folder, "dataset.json");
  const plans = await readJsonFile(plansFile);
  const dataset = await readJsonFile(datasetFile);
  const configuration = resolveConfiguration(plans, configurationName);
  const channelNames = readChannelNames(dataset);
  const { definition: labels, heads } = readLabels(dataset);
  const previousStage = configuration.get("previous_stage");
  const previousLabels = previousStage.isNull ? 0 : labels.foregroundLabels.length;
  return {
    plans,
    dataset,
    configuration,
    channelNames,
    labels,
    heads,
    previousStage: previousStage.isNull ? null : previousStage.string(),
    inputChannels: channelNames.length + previousLabels,
    companionFiles: [plansFile, datasetFile],
  };
}

/** @param mirrorAxes axes that the trainer mirrors */
export function describeTraining(
  training: Awaited<ReturnType<typeof readTraining>>,
  trained: { readonly trainer: string; readonly name: string; readonly mirrorAxes: readonly number[] },
): TrainingFacts {
  const { plans, dataset, configuration, channelNames, labels, previousStage, companionFiles } = training;
  const { trainer, name, mirrorAxes } = trained;
  return {
    trainer,
    configuration: name,
    channelNames,
    labels,
    previousStage,
    companionFiles,
    plansName: plans.get("plans_name").string(),
    plan: readInferencePlan({
      plans,
      configuration,
      dataset,
      imageChannels: channelNames.length,
      mirrorAxes,
    }),
  };
}

/**
 * Reads the channel names from `modality`, which nnU-Net prefers, or `channel_names`. nnU-Net counts the
 * entries and uses them in file order, regardless of their keys: `{"0": "CT"}`, `{"1": "CT"}`, `{"CT": 0}`
 * and `["CT"]` are equivalent.
 *
 * Source: `determine_num_input_channels` in nnunetv2/utilities/label_handling/label_handling.py.
 */
function readChannelNames(dataset: Field): string[] {
  const names = dataset.get(dataset.get("modality").isNull ? "channel_names" : "modality");
  const channels = names.isList ? names.list().map(nameIn) : names.entries().map(channelName);
  if (channels.length > 0) return channels;
  throw builderError("MODEL_FILE_INVALID", `${names.path} should name at least one channel, but is empty`);
}

/** Returns the channel's name: the value if the key is a number; otherwise the key, because the value then has another meaning. */
const channelName = ([key, value]: readonly [string, Field]): string =>
  /^\d+$/.test(key) ? nameIn(value) : key;

const nameIn = (field: Field): string => (field.isString ? field.string() : field.text());

const hasRunningStatistics = ({ weights }: Checkpoint): boolean =>
  [...weights.keys()].some((name) => name.endsWith(".norm.running_mean"));

/** nnUNetTrainerBN replaces the norm that plans.json names with BatchNorm. */
const batchNormOfTrainer = (plan: NormalizationPlan | null): NormalizationPlan =>
  plan?.kind === "batch" ? plan : { kind: "batch", epsilon: 1e-5, isAffine: true };

import { access } from "node:fs/promises";
import { join } from "node:path";
import type { LabelDefinition } from "../../../processor/contract/manifest.js";
import { refuseDescendant } from "../descendants.js";
import type { Field } from "../fields.js";
import type { ModelDescription, TrainingFacts } from "../model-description.js";
import type { TrainedFold, TrainedModel } from "../network/trained-model.js";
import { channelKeys, readInferencePlanV1 } from "./inference-plan.js";
import { readNetworkPlanV1 } from "./network-plan.js";
import { readWeightsV1 } from "./read-weights.js";
import { type TrainerFacts, trainerFacts } from "./trainer-facts.js";
import { readTrainingRecord, type TrainingRecord } from "./training-record.js";

/**
 * Reads the file that nnU-Net v1 writes next to the first fold's checkpoint, because v1's own prediction uses
 * that file.
 */
export async function describeModelV1(model: TrainedModel): Promise<ModelDescription> {
  const record = await readRecord(model);
  const fold = model.folds[0] as TrainedFold;
  const { stagePlan, facts } = record;
  const task = await describe(model, record);
  const { foregroundLabels } = task.labels;
  const weights = await readWeightsV1(fold);
  refuseDescendant(model.folder, { trainer: record.trainer, weights });
  return {
    ...task,
    network: readNetworkPlanV1({
      stagePlan,
      weights,
      inputChannels: task.channelNames.length + (facts.isCascade ? foregroundLabels.length : 0),
      outputChannels: facts.regions?.length ?? foregroundLabels.length + 1,
      trainer: facts,
      source: fold.checkpointFile,
    }),
  };
}

/** Reads the description without the network, for models whose architecture is not built in. */
export const describeTrainingV1 = async (model: TrainedModel): Promise<TrainingFacts> =>
  describe(model, await readRecord(model));

interface ReadRecord extends TrainingRecord {
  readonly facts: TrainerFacts;
  readonly stagePlan: Field;
}

async function readRecord({ folds }: TrainedModel): Promise<ReadRecord> {
  const { checkpointFile } = folds[0] as TrainedFold;
  const record = await readTrainingRecord(checkpointFile);
  const stagePlan = record.plans.get("plans_per_stage").get(record.stage);
  return { ...record, facts: trainerFacts(record.trainer), stagePlan };
}

async function describe(
  { folder }: TrainedModel,
  { trainer, plansName, configuration, plans, stagePlan, facts }: ReadRecord,
): Promise<TrainingFacts> {
  return {
    trainer,
    plansName,
    configuration,
    channelNames: readChannelNames(plans),
    labels: readLabels(plans, facts),
    plan: readInferencePlanV1({ plans, stagePlan, doesMirror: facts.doesMirror }),
    previousStage: facts.isCascade ? "3d_lowres" : null,
    companionFiles: await present(["plans.pkl", "postprocessing.json"].map((name) => join(folder, name))),
  };
}

/** v1 stores only the values of the labels. Their names are in the raw data set. */
function readLabels(plans: Field, { regions }: TrainerFacts): LabelDefinition {
  const foregroundLabels = plans
    .get("all_classes")
    .integers()
    .toSorted((a, b) => a - b);
  const background = { name: "background", value: 0 };
  const names = foregroundLabels.map((value) => ({ name: `label ${value}`, value }));
  if (regions === null) {
    return { names: [background, ...names], foregroundLabels, regionsClassOrder: null, ignoreLabel: null };
  }
  return {
    names: [background, ...regions.map(({ name, labels }) => ({ name, value: labels }))],
    foregroundLabels,
    regionsClassOrder: [1, 2, 3],
    ignoreLabel: null,
  };
}

function readChannelNames(plans: Field): string[] {
  const names = plans.get("modalities");
  return channelKeys(plans).map((channel) => {
    const name = names.isNull ? names : names.get(channel);
    return name.isString ? name.string() : `channel ${channel}`;
  });
}

async function present(files: readonly string[]): Promise<string[]> {
  const found = await Promise.allSettled(files.map((file) => access(file)));
  return files.filter((_, i) => found[i]?.status === "fulfilled");
}

import type { InferencePlan, LabelDefinition } from "../../../processor/contract/manifest.js";
import { type Axis, perAxis } from "../../../processor/imaging/volume/axes.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { Field } from "../fields.js";
import type { ModelDescription } from "../model-description.js";
import type { NetworkPlan } from "../network/network-plan.js";
import type { TrainedModel } from "../network/trained-model.js";
import { readJsonFile } from "../read-json-file.js";
import { readBundleConfig } from "./bundle-config.js";
import { readBundleNetwork } from "./bundle-network.js";
import { readBundleWeights } from "./read-bundle-weights.js";
import { readInferer } from "./read-inferer.js";
import { readPostprocessing } from "./read-postprocessing.js";
import { readPreprocessing } from "./read-preprocessing.js";

/**
 * Reads a bundle's network, windows and transforms.
 *
 * @throws BUNDLE_UNSUPPORTED with the first part that is not built in; TENSOR_MISMATCH, MODEL_FILE_INVALID, CHECKPOINT_*
 */
export async function describeBundle(model: TrainedModel): Promise<ModelDescription> {
  const { configFile, metadataFile } = model.monai!;
  const config = await readBundleConfig(configFile);
  const described = readBundleNetwork(config.get("network_def", "network", "net", "model"));
  const { dimensions } = described;
  const windows = readInferer(config.get("inferer", "evaluator#inferer"), dimensions);
  const preprocessing = readPreprocessing(config.get("preprocessing", "dataset#transform", "transforms"));
  const network = described.plan({
    patchSize: windows.patchSize,
    weights: await readBundleWeights(model.folds[0]),
  });
  const after = readPostprocessing(
    config.get("postprocessing", "evaluator#postprocessing", "post_transforms"),
    {
      ...preprocessing,
      dimensions,
      labels: Array.from({ length: network.outputChannels - 1 }, (_, i) => i + 1),
    },
  );
  const metadata = metadataFile === null ? new Field({}, "") : await readJsonFile(metadataFile);
  const labels = labelsOf(metadata, network, after.isThresholded);
  const channelNames = channelNamesOf(metadata, network);
  const plan: InferencePlan = {
    dimensions,
    patchSize: windows.patchSize,
    spacingMm: spacingOf(preprocessing.steps, dimensions),
    transposeForward: windows.transposeForward,
    transposeBackward: inverseOf(windows.transposeForward),
    normalization: channelNames.map(() => ({ scheme: "NoNormalization", useMask: false, intensity: null })),
    normalizeFirst: true,
    resampleData: linear,
    resampleSegmentation: linear,
    resampleProbabilities: linear,
    averaging: "logits",
    gaussianForSingleWindow: true,
    mirrorAxes: [],
    imageReader: preprocessing.axcodes === null ? "NibabelIO" : "NibabelIOWithReorient",
    fileEnding: ".nii.gz",
    monai: {
      ...preprocessing,
      overlap: windows.overlap,
      blend: windows.blend,
      activation: after.activation,
      labelsOn: after.labelsOn,
      components: after.components,
    },
  };
  return {
    trainer: "MONAI bundle",
    plansName: "inference.json",
    configuration: model.configuration,
    channelNames,
    labels,
    plan,
    previousStage: null,
    companionFiles: [],
    postProcessing: after.postProcessing,
    notes: after.notes,
    network,
  };
}

const linear = { method: "spline", order: 1, orderZ: 1, forceSeparateZ: false } as const;

const inverseOf = (order: InferencePlan["transposeForward"]): InferencePlan["transposeForward"] =>
  perAxis((axis) => order.indexOf(axis) as Axis);

/** The spacing for people to read; the transforms say how it is reached. */
function spacingOf(
  steps: NonNullable<InferencePlan["monai"]>["steps"],
  dimensions: 2 | 3,
): readonly number[] {
  const spacing = steps.find(({ kind }) => kind === "spacing");
  const given = spacing?.kind === "spacing" ? spacing.pixdim : [];
  return Array.from({ length: dimensions }, (_, axis) => given[Math.min(axis, given.length - 1)] ?? 1);
}

function labelsOf(metadata: Field, { outputChannels }: NetworkPlan, isThresholded: boolean): LabelDefinition {
  if (!isThresholded && outputChannels < 2)
    throw builderError(
      "BUNDLE_UNSUPPORTED",
      "the network has one output, which argmax always chooses; a threshold makes labels of it",
    );
  const channels = dictionaryIn(metadata, "network_data_format", "outputs", "pred", "channel_def");
  const nameOf = (channel: number): string => {
    const field = channels?.get(String(channel));
    return field?.isString ? field.string() : `label ${channel}`;
  };
  const first = isThresholded ? 1 : 0;
  const heads = Array.from({ length: outputChannels }, (_, channel) => ({
    name: isThresholded && channels === null ? `label ${channel + 1}` : nameOf(channel),
    value: channel + first,
  }));
  const names = isThresholded ? [{ name: "background", value: 0 }, ...heads] : heads;
  const foregroundLabels = names.map(({ value }) => value).filter((value) => value !== 0);
  return {
    names,
    foregroundLabels,
    regionsClassOrder: isThresholded ? foregroundLabels : null,
    ignoreLabel: null,
  };
}

function channelNamesOf(metadata: Field, { inputChannels }: NetworkPlan): readonly string[] {
  const image = dictionaryIn(metadata, "network_data_format", "inputs", "image");
  const modality = image?.get("modality");
  const channels = dictionaryIn(metadata, "network_data_format", "inputs", "image", "channel_def");
  return Array.from({ length: inputChannels }, (_, i) => {
    const field = channels?.get(String(i));
    if (inputChannels > 1 && field?.isString) return field.string();
    const name = modality?.isString ? modality.string() : "image";
    return inputChannels === 1 ? name : `${name} ${i}`;
  });
}

/** Follows keys as long as there are dictionaries; null otherwise. */
function dictionaryIn(metadata: Field, ...keys: readonly string[]): Field | null {
  let field = metadata;
  for (const key of keys) {
    if (field.isNull || field.isList || field.isString || field.isNumber) return null;
    field = field.get(key);
  }
  return field.isNull || field.isList || field.isString || field.isNumber ? null : field;
}

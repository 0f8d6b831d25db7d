import { basename } from "node:path";
import type { LabelDefinition } from "../../../processor/contract/manifest.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Field } from "../fields.js";
import type { ModelDescription } from "../model-description.js";
import type { NetworkPlan } from "../network/network-plan.js";
import type { TrainedModel } from "../network/trained-model.js";
import { readJsonFile } from "../read-json-file.js";
import { type NvidiaConfig, readConfigPickle } from "./config-pickle.js";
import { nvidiaInferencePlan } from "./inference-plan.js";
import { readNvidiaNetwork } from "./network-plan.js";
import { nvidiaFacts } from "./nvidia-facts.js";
import { readLightning } from "./read-lightning.js";

/**
 * Reads the first checkpoint's names and options, config.pkl, and dataset.json if there is one.
 *
 * @throws NVIDIA_FACTS_MISSING with all that no file says; ARCHITECTURE_UNKNOWN, TENSOR_MISMATCH, MODEL_FILE_INVALID,
 * CHECKPOINT_*
 */
export async function describeNvidiaModel(model: TrainedModel): Promise<ModelDescription> {
  const files = model.nvidia!;
  const fold = model.folds[0];
  const { args, weights } = await readLightning(fold);
  const config = files.configFile === null ? null : await readConfigPickle(files.configFile);
  const dataset = files.datasetFile === null ? null : await readJsonFile(files.datasetFile);
  const facts = nvidiaFacts({ args, config, dataset, options: files.options, source: fold.checkpointFile });
  const network = readNvidiaNetwork({
    weights,
    args,
    config: facts.config,
    source: basename(fold.checkpointFile),
  });
  checkChannels(network, facts.config, fold.checkpointFile);
  const labels = labelsOf(network, {
    config: facts.config,
    dataset,
    brats: facts.brats,
    file: fold.checkpointFile,
  });
  return {
    trainer: `NVIDIA nnU-Net (${eraNames[network.architecture] ?? "22.11"})`,
    plansName: "config.pkl",
    configuration: model.configuration,
    channelNames: facts.channelNames,
    labels,
    previousStage: null,
    companionFiles: [],
    plan: nvidiaInferencePlan(facts, network),
    network,
  };
}

/** The containers whose programs build each network. */
const eraNames: Readonly<Record<string, string>> = {
  DynUNet: "21.11 to 23.02",
  NvidiaUNet: "20.12 to 21.10",
  NvidiaAttentionUNet: "21.02",
  NvidiaUNet3D: "22.11 to 23.02, BraTS 2022",
};

function checkChannels(network: NetworkPlan, config: NvidiaConfig, file: string): void {
  if (network.inputChannels === config.inChannels) return;
  throw builderError(
    "TENSOR_MISMATCH",
    `${file}: the network takes ${network.inputChannels} channels, but in_channels of config.pkl is ${config.inChannels}`,
  );
}

interface LabelSources {
  readonly config: NvidiaConfig;
  readonly dataset: Field | null;
  readonly brats: 2021 | 2022 | null;
  readonly file: string;
}

/** Regions of BraTS in the order of the heads (whole tumour, tumour core, enhancing tumour), with the labels that they paint. */
const bratsLabels: LabelDefinition = {
  names: [
    { name: "background", value: 0 },
    { name: "necrotic tumour core", value: 1 },
    { name: "oedema", value: 2 },
    { name: "enhancing tumour", value: 4 },
  ],
  foregroundLabels: [1, 2, 4],
  regionsClassOrder: [2, 1, 4],
  ignoreLabel: null,
};

function labelsOf(
  { outputChannels }: NetworkPlan,
  { config, dataset, brats, file }: LabelSources,
): LabelDefinition {
  if (brats !== null) {
    if (outputChannels === 3) return bratsLabels;
    throw builderError(
      "TENSOR_MISMATCH",
      `${file}: a model for BraTS has 3 outputs, but this one has ${outputChannels}`,
    );
  }
  const names = labelNames(dataset, config);
  const isOneSigmoid = outputChannels === 1;
  if (!isOneSigmoid && outputChannels !== config.classes)
    throw builderError(
      "TENSOR_MISMATCH",
      `${file}: the network has ${outputChannels} outputs, but n_class of config.pkl is ${config.classes}`,
    );
  if (isOneSigmoid && config.classes > 2)
    throw builderError(
      "TENSOR_MISMATCH",
      `${file}: the network has one output, but n_class of config.pkl is ${config.classes}`,
    );
  return {
    names,
    foregroundLabels: names.map(({ value }) => value).filter((value) => value !== 0),
    regionsClassOrder: isOneSigmoid ? [1] : null,
    ignoreLabel: null,
  };
}

/** Returns the names of dataset.json's labels (`{"0": "background", …}`), or `label 1`, … */
function labelNames(dataset: Field | null, { classes }: NvidiaConfig): { name: string; value: number }[] {
  const given = dataset?.get("labels");
  const names = Array.from({ length: Math.max(classes, 2) }, (_, value) => ({
    name: value === 0 ? "background" : `label ${value}`,
    value,
  }));
  if (given === undefined || given.isNull) return names;
  return names.map(({ name, value }) => {
    const field = given.get(String(value));
    return { name: field.isString ? field.string() : name, value };
  });
}

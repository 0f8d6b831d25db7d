import { stat } from "node:fs/promises";
import { basename, relative, sep } from "node:path";
import type { ModelDescription } from "../checkpoint/model-description.js";
import type { NetworkPlan } from "../checkpoint/network/network-plan.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { describeModel } from "../checkpoint/nnunet-formats.js";
import { readConfigPickle } from "../checkpoint/nvidia/config-pickle.js";
import { readNvidiaNetwork } from "../checkpoint/nvidia/network-plan.js";
import { type NvidiaOptions, noNvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { readLightning } from "../checkpoint/nvidia/read-lightning.js";
import { foldNetwork } from "../convert/fold-network.js";
import { findMonaiBundle } from "../models/find-monai-bundle.js";
import { findNvidiaModel } from "../models/find-nvidia-model.js";
import type { LocalModel } from "../models/model-folder.js";
import { anyModel } from "../models/model-query.js";
import { channelInspections } from "./channel-inspections.js";
import { checkpointParameters } from "./inspect-checkpoint.js";
import type { FoldInspection, ModelsInspection, NetworkInspection, Problem } from "./inspection.js";
import { asProblem } from "./problem.js";

/**
 * Describes the checkpoints of NVIDIA's nnU-Net in a folder, or a single one; null if there are none. What no file says is
 * a problem that names it.
 */
export async function inspectNvidia(
  source: string,
  path: string,
  options: NvidiaOptions | null,
): Promise<ModelsInspection | null> {
  const model = await findNvidiaModel(path, anyModel, options ?? noNvidiaOptions);
  return model && inspectFound(source, path, model);
}

/**
 * Describes a bundle of MONAI in a folder or unpacked from an archive; null for any other folder. A part that is not built in is a problem that names it.
 *
 * @throws BUNDLE_UNSUPPORTED for a network that is not built in
 */
export async function inspectBundle(
  source: string,
  { modelDir, tree }: LocalModel,
): Promise<ModelsInspection | null> {
  const model = await findMonaiBundle(modelDir, anyModel, tree);
  return model && inspectFound(source, modelDir, model);
}

async function inspectFound(source: string, path: string, model: TrainedModel): Promise<ModelsInspection> {
  const problems: Problem[] = [];
  const described = await attempt(() => describeModel(model), problems);
  const plan = described?.network ?? (await attempt(() => networkAlone(model), problems));
  const network = plan === null ? null : await attempt(() => networkOf(model, described, plan), problems);
  const folds = await foldsOf(model, path);
  const sizeBytes = folds.flatMap(({ files }) => files).reduce((sum, file) => sum + file.sizeBytes, 0);
  return {
    inspectionVersion: 1,
    source,
    kind: "models",
    sizeBytes,
    models: [
      {
        path: "",
        nnunetVersion: model.nnunetVersion,
        nvidia: described?.plan.nvidia ?? null,
        monai: described?.plan.monai ?? null,
        task: model.task,
        datasetName: model.datasetName,
        configuration: model.configuration,
        trainer: described?.trainer ?? (model.monai === undefined ? "NVIDIA nnU-Net" : "MONAI bundle"),
        plansName: described?.plansName ?? null,
        checkpointName: model.checkpointName,
        folds,
        network,
        gpuNetwork: null,
        checkpointParameters: await attempt(() => checkpointParameters(model.folds[0]), []),
        patchSize: described?.plan.patchSize ?? plan?.patchSize ?? null,
        spacingMm: described?.plan.spacingMm ?? null,
        mirrorAxes: described?.plan.mirrorAxes ?? null,
        channels: described && channelInspections(described.channelNames, described.plan),
        labels: described?.labels ?? null,
        imageReader: described?.plan.imageReader ?? null,
        fileEnding: described?.plan.fileEnding ?? null,
        previousStage: null,
        postProcessing: (described?.postProcessing ?? []).map(
          ({ labels }) => `keeps the largest part of label ${labels.join(" and ")}`,
        ),
        sizeBytes,
        warnings: described?.notes ?? [],
        problems,
      },
    ],
  };
}

/** Reads the network of a model about whose images something is missing. */
async function networkAlone({ nvidia, folds: [fold] }: TrainedModel): Promise<NetworkPlan | null> {
  if (nvidia === null || nvidia.configFile === null) return null;
  const { weights, args } = await readLightning(fold);
  const config = await readConfigPickle(nvidia.configFile);
  return readNvidiaNetwork({ weights, args, config, source: basename(fold.checkpointFile) });
}

async function networkOf(
  model: TrainedModel,
  described: ModelDescription | null,
  network: NetworkPlan,
): Promise<NetworkInspection> {
  const trainer = described?.trainer ?? "";
  const { parameters } = await foldNetwork(model, { network, trainer }, model.folds[0]);
  const { architecture, inputChannels, outputChannels } = network;
  return { architecture, inputChannels, outputChannels, parameters };
}

const foldsOf = (model: TrainedModel, path: string): Promise<FoldInspection[]> =>
  Promise.all(
    model.folds.map(async ({ fold, checkpointFile }) => {
      const { size } = await stat(checkpointFile);
      const name = relative(path, checkpointFile).split(sep).join("/") || basename(checkpointFile);
      return { fold, files: [{ name, sizeBytes: size }] };
    }),
  );

async function attempt<T>(action: () => Promise<T>, problems: Problem[]): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    const problem = asProblem(error);
    if (problems.every(({ message }) => message !== problem.message)) problems.push(problem);
    return null;
  }
}

import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { readConfigPickle } from "../checkpoint/nvidia/config-pickle.js";
import { numberOr } from "../checkpoint/nvidia/network-plan.js";
import { blendOf, bratsOf, modalityOf, nvidiaFactsSoFar } from "../checkpoint/nvidia/nvidia-facts.js";
import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { nvidiaTasks } from "../checkpoint/nvidia/nvidia-tasks.js";
import { readLightning } from "../checkpoint/nvidia/read-lightning.js";
import { readJsonFile } from "../checkpoint/read-json-file.js";

/** What a new config.json says about a model of NVIDIA's nnU-Net. */
export interface InitialNvidia {
  /** Everything that is known; null for the rest. */
  readonly options: NvidiaOptions;
  /** What no file says: the key below `nvidia`, and what it means. */
  readonly missing: readonly string[];
  /** What the user should check. */
  readonly notes: readonly string[];
}

/** Reads what the training's options and the files next to the checkpoint say, so that a user sees and can change it. */
export async function initialNvidia(model: TrainedModel): Promise<InitialNvidia> {
  const { configFile, datasetFile, options: given } = model.nvidia!;
  const source = model.folds[0].checkpointFile;
  const { args } = await readLightning(model.folds[0]);
  const config = configFile === null ? null : await readConfigPickle(configFile);
  const dataset = datasetFile === null ? null : await readJsonFile(datasetFile);
  const trained = args.get("task").isString ? args.get("task").string() : null;
  const isInTable = trained !== null && Object.hasOwn(nvidiaTasks, trained);
  const task = given.task ?? (given.ct === null && isInTable ? trained : null);
  const brats = bratsOf(args, given);
  const options: NvidiaOptions = {
    ...given,
    task,
    modality: given.modality ?? modalityOf(dataset),
    brats: given.brats ?? (brats === null ? null : brats === 2021 ? "2021" : "2022"),
    overlap: given.overlap ?? numberOr(args, "overlap", 0.5),
    blend: given.blend ?? blendOf(args),
    tta: given.tta ?? "nvidia",
    outputs: given.outputs ?? ["nii"],
  };
  const { missing } = nvidiaFactsSoFar({ args, config, dataset, options, source });
  const notes =
    task === null || given.task !== null
      ? []
      : [`nvidia.task is ${task}, the training's --task; remove it if the data set was another one`];
  return { options, missing, notes };
}

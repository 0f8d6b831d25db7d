import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { findDatasetName } from "../find-dataset.js";
import { requireFolder } from "../folders.js";
import { modelFolderName } from "../selection/best-model.js";
import { debugText, foldState } from "./fold-state.js";
import { type TrainOptions, train } from "./train.js";

/** nnU-Net's own number, which a trainer class may change. */
const usualSteps = 250;

export interface MeasuredTraining {
  /** How long a step of each epoch took on average, in ms, without the first epoch. */
  readonly stepMs: readonly number[];
  readonly batchSize: number;
  readonly patchSize: readonly number[];
}

type MeasureOptions = Omit<
  TrainOptions,
  "folds" | "gpus" | "gpusPerFold" | "savesProbabilities" | "pretrainedWeights" | "restart"
>;

/**
 * Trains fold 0 with one of nnU-Net's trainers for benchmarks, and returns how long its steps took.
 *
 * @throws the errors of `train`; USAGE if the fold has a model; TRAINING_FAILED if there are fewer than two epochs
 */
export async function measureTraining(options: MeasureOptions): Promise<MeasuredTraining> {
  const { dataset, folders, plans, configuration, onEvent } = options;
  await requireNoModel(options);
  const seconds: number[] = [];
  const { modelFolder, failed } = await train({
    ...options,
    folds: [0],
    gpus: [],
    gpusPerFold: 1,
    savesProbabilities: false,
    pretrainedWeights: null,
    restart: true,
    onEvent: (event) => {
      if (event.kind === "epoch") seconds.push(event.result.seconds);
      onEvent(event);
    },
  });
  if (failed[0] !== undefined) throw failed[0].error;
  if (seconds.length < 2)
    throw nnunetError(
      "TRAINING_FAILED",
      `${modelFolder} was trained for ${seconds.length} epochs; at least two are needed, because the first one is slow`,
    );
  const name = await findDatasetName(dataset, folders);
  const plansFile = join(requireFolder(folders, "preprocessed"), name, `${plans}.json`);
  const settings = (await readJsonFile(plansFile)).get("configurations").get(configuration);
  const steps = await stepsOf(join(modelFolder, "fold_0"));
  return {
    stepMs: seconds.slice(1).map((value) => (1000 * value) / steps),
    batchSize: Number(settings.get("batch_size").raw),
    patchSize: (settings.get("patch_size").raw as readonly unknown[]).map(Number),
  };
}

/** A benchmark begins a training again; nnU-Net's trainers for benchmarks save nothing. */
async function requireNoModel({ dataset, folders, trainer, plans, configuration }: MeasureOptions) {
  const datasetName = await findDatasetName(dataset, folders);
  const model = modelFolderName({ trainer, plans, configuration });
  const fold = join(requireFolder(folders, "results"), datasetName, model, "fold_0");
  if ((await foldState(fold)) !== "new")
    throw sharedError(
      "USAGE",
      `${fold} has a trained model, which a measurement would replace; take a trainer for benchmarks, such as nnUNetTrainerBenchmark_5epochs`,
    );
}

/** Returns the steps of an epoch, from debug.json. */
async function stepsOf(foldFolder: string): Promise<number> {
  const found = /"num_iterations_per_epoch": "(\d{1,6})"/.exec(await debugText(foldFolder));
  return Number(found?.[1] ?? usualSteps);
}

import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { findModel } from "./find-model.js";
import { anyModel, type ModelQuery } from "./model-query.js";

/**
 * Finds the model of a cascade's earlier stage where nnU-Net saves it: v2 next to the second stage
 * (`<trainer>__<plans>__3d_lowres`), v1 in the same task below `3d_lowres`, with the trainer of a cascade's first stage.
 * Returns null if there is none.
 *
 * @throws FOLD_MISSING if it lacks a fold of the second stage
 */
export async function findPreviousStage(
  model: TrainedModel,
  configuration: string,
): Promise<TrainedModel | null> {
  const folder =
    model.nnunetVersion === 2 ? besideV2(model, configuration) : await besideV1(model, configuration);
  if (folder === null) return null;
  const folds = model.folds.map(({ fold }) => fold);
  const query = previousStageQuery(model, configuration, folds);
  return findModel({ modelDir: folder, tree: model.tree }, query).catch((error: unknown) => {
    if (error instanceof ProcessorError && error.code === "MODEL_NOT_FOUND") return null;
    throw error;
  });
}

/**
 * Returns the query for a cascade's earlier stage, wherever its model is.
 *
 * @param folds those that were asked for; empty for all that it has
 */
export const previousStageQuery = (
  { nnunetVersion, checkpointName }: TrainedModel,
  configuration: string,
  folds: readonly string[],
): ModelQuery => ({
  ...anyModel,
  configuration,
  // v1 uses the final checkpoint of the first stage, whichever checkpoint the second stage uses.
  checkpointName: nnunetVersion === 2 ? checkpointName : null,
  folds,
});

function besideV2({ folder }: TrainedModel, configuration: string): string | null {
  const [trainer, plans, ...rest] = basename(folder).split("__");
  if (plans === undefined || rest.length === 0) return null;
  return join(dirname(folder), `${trainer}__${plans}__${configuration}`);
}

/** v1 writes no trainer of the first stage where a prediction would find it; nnU-Net's own takes the default one. */
async function besideV1(model: TrainedModel, configuration: string): Promise<string | null> {
  const stages = await firstStagesOfV1(model, configuration);
  const usual = stages.find((folder) => basename(folder).startsWith("nnUNetTrainerV2__"));
  return usual ?? (stages.length === 1 ? stages[0]! : null);
}

/** Returns the folders of v1 models that may be the first stage of a cascade: those with its task and plans. */
export async function firstStagesOfV1(
  { folder }: Pick<TrainedModel, "folder">,
  configuration: string,
): Promise<readonly string[]> {
  const task = dirname(folder);
  const stageFolder = join(dirname(dirname(task)), configuration, basename(task));
  const plans = basename(folder).split("__")[1];
  if (plans === undefined) return [];
  const names = await readdir(stageFolder).catch(() => []);
  return names
    .filter((name) => name.endsWith(`__${plans}`))
    .sort()
    .map((name) => join(stageFolder, name));
}

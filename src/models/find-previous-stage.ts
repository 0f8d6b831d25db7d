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
  const query: ModelQuery = {
    ...anyModel,
    configuration,
    // v1 uses the final checkpoint of the first stage, whichever checkpoint the second stage uses.
    checkpointName: model.nnunetVersion === 2 ? model.checkpointName : null,
    folds: model.folds.map(({ fold }) => fold),
  };
  return findModel({ modelDir: folder, tree: model.tree }, query).catch((error: unknown) => {
    if (error instanceof ProcessorError && error.code === "MODEL_NOT_FOUND") return null;
    throw error;
  });
}

function besideV2({ folder }: TrainedModel, configuration: string): string | null {
  const [trainer, plans, ...rest] = basename(folder).split("__");
  if (plans === undefined || rest.length === 0) return null;
  return join(dirname(folder), `${trainer}__${plans}__${configuration}`);
}

async function besideV1({ folder }: TrainedModel, configuration: string): Promise<string | null> {
  const task = dirname(folder);
  const stageFolder = join(dirname(dirname(task)), configuration, basename(task));
  const plans = basename(folder).split("__")[1];
  if (plans === undefined) return null;
  const candidates = (await readdir(stageFolder).catch(() => [])).filter((name) =>
    name.endsWith(`__${plans}`),
  );
  const name = candidates.find((candidate) => candidate === `nnUNetTrainerV2__${plans}`) ?? candidates[0];
  return name === undefined || (candidates.length > 1 && !name.startsWith("nnUNetTrainerV2__"))
    ? null
    : join(stageFolder, name);
}

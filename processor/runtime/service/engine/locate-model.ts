import { stat } from "node:fs/promises";
import { join } from "node:path";
import { manifestName } from "../../../contract/places.js";
import { serviceError } from "../errors.js";
import type { ModelSource } from "../models/model-source.js";
import type { StageWork } from "./job-work.js";

/** A converted model, and the folds of it to use. */
export interface LocatedModel {
  readonly folder: string;
  /** Null for all that the folder has. */
  readonly folds: readonly string[] | null;
}

export interface LocateOptions {
  readonly cacheFolder: string;
  readonly onNote: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Finds the converted form of a stage's model, or makes it. */
export type LocateModel = (
  stage: Pick<StageWork, "modelId" | "modelDir" | "checkpointName" | "folds">,
  options: LocateOptions,
) => Promise<LocatedModel>;

/** Fetches and converts a model that is not a folder of nnU-Net, and returns the converted folder. */
export type ObtainModel = (source: ModelSource, options: LocateOptions) => Promise<string>;

/** How a process finds models. */
export interface ModelAccess {
  readonly locate: LocateModel;
  readonly obtain: ObtainModel;
}

/** Finds models that were converted when their image was built. */
export const locateConverted: LocateModel = async ({ modelId, modelDir, folds }) => {
  const found = await stat(join(modelDir, manifestName)).catch(() => null);
  if (found?.isFile() === true) return { folder: modelDir, folds };
  throw serviceError("MODEL_UNAVAILABLE", `the model ${modelId} is not a converted model`);
};

/** Only the program outside an image fetches and converts models. */
export const obtainNothing: ObtainModel = ({ kind }) =>
  Promise.reject(
    serviceError(
      "MODEL_UNAVAILABLE",
      `this image has its own model, and converts none of another kind (${kind})`,
    ),
  );

import type { Xyz } from "../../../contract/axes.js";
import { nearest } from "../../../contract/nearest-name.js";
import { serviceError } from "../errors.js";
import type { ServedModel, ServedModels } from "../models/served-model.js";
import type { SharedFields } from "../schemas/inference-request.js";
import { spreadOver } from "./per-model.js";
import { unfitRequest } from "./unfit-request.js";

/** A request in which nothing is left open. */
export interface CompleteRequest {
  readonly models: readonly ModelPart[];
  readonly isDicom: boolean;
  readonly intersectWith: string | null;
  readonly minIntersection: number;
  readonly cropFrom: string | null;
  readonly cropPaddingXyz: Xyz;
  readonly savesProbabilities: boolean;
  readonly savesInputs: boolean;
  readonly writesStructures: boolean;
  readonly suffix: string | null;
  readonly bValue: number | null;
}

/** What one model of a request gets. */
export interface ModelPart {
  readonly model: ServedModel;
  /** Null if neither the request nor the model names series. */
  readonly series: readonly string[] | null;
  /** Null for all classes. */
  readonly classes: readonly number[] | null;
  readonly threshold: number | null;
  readonly minConfidence: number | null;
  readonly checkpointName: string;
  /** Null for all that the model has. */
  readonly folds: readonly string[] | null;
  readonly usesTta: boolean;
  readonly removeSmallerThan: number | null;
  readonly cascadeModes: readonly ("intersect" | "crop")[];
}

const schemaDefaults: Readonly<Record<string, unknown>> = {
  checkpoint_name: "checkpoint_final.pth",
  is_dicom: false,
  tta: true,
  use_folds: [0],
  min_intersection: 0.1,
  crop_padding: [10, 10, 10],
  cascade_mode: "intersect",
  save_proba_map: false,
  save_nifti_inputs: false,
  save_rt_struct_output: false,
};

/** Far more than a request that somebody means; each model has a stage of its own. */
const mostModels = 64;

/**
 * Completes a request: what it sets counts, then what the models' `default_args` say, then the schema's defaults. Each
 * model gets its own part of the keys that are per model; of the others, the last model that has one counts.
 *
 * @throws MODEL_UNKNOWN, MODEL_UNAVAILABLE, NOT_READY; SERIES_INVALID for lists that do not fit the models
 */
export function completeRequest(
  names: string | readonly string[],
  given: SharedFields,
  served: ServedModels,
): CompleteRequest {
  const named = [names].flat();
  if (named.length > mostModels)
    throw unfitRequest(`a request may name ${mostModels} models, but this one names ${named.length}`);
  const models = named.map((name) => requireModel(name, served));
  const request: Readonly<Record<string, unknown>> = given;
  const one = <T>(key: string): T | null => {
    const ofModels = models.map(({ defaultArgs }) => defaultArgs[key] ?? null);
    return (request[key] ??
      ofModels.findLast((value) => value !== null) ??
      schemaDefaults[key] ??
      null) as T | null;
  };
  const each = <T>(key: string): readonly (T | null)[] => {
    const spread = (request[key] ?? null) === null ? null : spreadOver(key, request[key], models.length);
    return models.map(({ defaultArgs, source }, place) => {
      const own = spread === null ? null : (spread[place] ?? null);
      const ofModel = own ?? spreadOrNull(key, defaultArgs[key]);
      // Folds of other kinds of models are not those of nnU-Net.
      const usual = key === "use_folds" && source !== null ? null : schemaDefaults[key];
      return (ofModel ?? spreadOrNull(key, usual)) as T | null;
    });
  };
  const series = each<readonly string[]>("series_folders");
  const classes = each<readonly number[]>("class_idx");
  const thresholds = each<number>("proba_threshold");
  const confidences = each<number>("min_confidence");
  const checkpoints = each<string>("checkpoint_name");
  const folds = each<readonly (string | number)[]>("use_folds");
  const tta = each<boolean>("tta");
  const smallest = each<number>("remove_objects_smaller_than");
  const cascade = each<ModelPart["cascadeModes"]>("cascade_mode");
  const savesProbabilities = one<boolean>("save_proba_map")!;
  if (savesProbabilities && thresholds.every((value) => value === null))
    throw unfitRequest("proba_threshold must be not-None if save_proba_map is True");
  const [x, y, z] = one<readonly [number, number, number]>("crop_padding")!;
  return {
    models: models.map((model, i) => ({
      model,
      series: series[i]!,
      classes: classes[i]!,
      threshold: thresholds[i]!,
      minConfidence: confidences[i]!,
      checkpointName: checkpoints[i]!,
      folds: folds[i]?.map(String) ?? null,
      usesTta: tta[i]!,
      removeSmallerThan: smallest[i]!,
      cascadeModes: cascade[i]!,
    })),
    isDicom: one("is_dicom")!,
    intersectWith: one("intersect_with"),
    minIntersection: one("min_intersection")!,
    cropFrom: one("crop_from"),
    cropPaddingXyz: [x, y, z],
    savesProbabilities,
    savesInputs: one("save_nifti_inputs")!,
    writesStructures: one("save_rt_struct_output")!,
    suffix: one("suffix"),
    bValue: one("bvalue_for_filtering"),
  };
}

const spreadOrNull = (key: string, value: unknown): unknown =>
  (value ?? null) === null ? null : (spreadOver(key, value, 1)[0] ?? null);

/** @throws MODEL_UNKNOWN, MODEL_UNAVAILABLE; NOT_READY for a model that is being made ready */
export function requireModel(name: string, served: ServedModels): ServedModel {
  const found = served.find(name);
  if (found === null) {
    const near = nearest(name, served.names);
    throw serviceError(
      "MODEL_UNKNOWN",
      `${name.slice(0, 200)} is not a valid nnunet_id${near === null ? "" : `; did you mean ${near}?`}`,
    );
  }
  if (found.error === null && found.path === null)
    throw serviceError("NOT_READY", `the model ${found.id} is being made ready`);
  if (found.error !== null)
    throw serviceError("MODEL_UNAVAILABLE", `the model ${found.id} cannot be used: ${found.error}`);
  return found;
}

import { basename, join } from "node:path";
import type { JsonObject, JsonValue } from "../../checkpoint/parse-json.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { filesOf } from "../conversion/build-folder.js";
import { byCodePoint } from "../datasets/list-cases.js";
import { readJsonObject } from "../files/read-json.js";

/** A task of nnU-Net v1. */
export interface Task {
  readonly folder: string;
  /** By channel. */
  readonly modalities: readonly string[];
  /** The labels above 0, ascending. */
  readonly classes: readonly number[];
  readonly cases: readonly TaskFiles[];
}

export interface TaskFiles {
  readonly id: string;
  /** One for each channel. */
  readonly images: readonly string[];
  readonly label: string;
}

/**
 * Reads a v1 task; `training` in its dataset.json names the cases.
 *
 * @throws DATASET_INVALID
 */
export async function readTask(folder: string): Promise<Task> {
  const task = await readTaskJson(folder);
  const present = new Set(await filesOf(join(folder, "imagesTr")));
  const missing = task.cases.flatMap(({ images }) => images).find((path) => !present.has(basename(path)));
  if (missing === undefined) return task;
  throw nnunetError("DATASET_INVALID", `${missing} is missing`);
}

/**
 * Does the same without looking for the images.
 *
 * @throws DATASET_INVALID
 */
export async function readTaskJson(folder: string): Promise<Task> {
  const path = join(folder, "dataset.json");
  const raw = await readJsonObject(path);
  if (raw === null) throw nnunetError("DATASET_INVALID", `${path} does not exist`);
  const modalities = wordsOf(raw.get("modality"));
  const labels = raw.get("labels");
  if (modalities === null || !(labels instanceof Map))
    throw nnunetError(
      "DATASET_INVALID",
      `${path}: \`modality\` and \`labels\` should be objects of texts, as nnU-Net v1 needs them`,
    );
  const classes = [...(labels as JsonObject).keys()].map(Number).filter((value) => value > 0);
  if (!classes.every(Number.isSafeInteger))
    throw nnunetError(
      "DATASET_INVALID",
      `${path}: the keys of \`labels\` should be whole numbers, as nnU-Net v1 needs them`,
    );
  const cases = caseIds(raw.get("training"), path)
    .toSorted(byCodePoint)
    .map((id) => ({
      id,
      images: modalities.map((_, channel) =>
        join(folder, "imagesTr", `${id}_${String(channel).padStart(4, "0")}.nii.gz`),
      ),
      label: join(folder, "labelsTr", `${id}.nii.gz`),
    }));
  return { folder, modalities, classes: classes.toSorted((a, b) => a - b), cases };
}

function wordsOf(value: JsonValue | undefined): readonly string[] | null {
  if (!(value instanceof Map)) return null;
  const entries = [...(value as JsonObject)].sort(([a], [b]) => Number(a) - Number(b));
  const words = entries.map(([, word]) => word);
  return words.every((word): word is string => typeof word === "string") ? words : null;
}

function caseIds(training: JsonValue | undefined, path: string): readonly string[] {
  if (!Array.isArray(training) || training.length === 0)
    throw nnunetError("DATASET_INVALID", `${path}: \`training\` should list the cases`);
  return (training as readonly JsonValue[]).map((entry) => {
    const image = entry instanceof Map ? (entry as JsonObject).get("image") : null;
    if (typeof image === "string" && image.endsWith(".nii.gz"))
      return basename(image).slice(0, -".nii.gz".length);
    throw nnunetError(
      "DATASET_INVALID",
      `${path}: each entry of \`training\` should name an image that ends with .nii.gz`,
    );
  });
}

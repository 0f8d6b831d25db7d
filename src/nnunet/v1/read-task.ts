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
  /** The labels above 0, in the order of dataset.json. */
  readonly classes: readonly number[];
  readonly cases: readonly TaskFiles[];
  /** The names of the test cases; null if dataset.json has no list of them. */
  readonly tests: readonly string[] | null;
  /** True if the labels begin with 0, the background. */
  readonly hasBackground: boolean;
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
  const values = [...(labels as JsonObject).keys()].map(Number);
  const classes = values.filter((value) => value > 0);
  if (!classes.every(Number.isSafeInteger))
    throw nnunetError(
      "DATASET_INVALID",
      `${path}: the keys of \`labels\` should be whole numbers, as nnU-Net v1 needs them`,
    );
  const cases = listedCases(raw.get("training"), path)
    // v1 sorts its .npz files, so that `a-1` comes before `a`.
    .toSorted((a, b) => byCodePoint(`${a.id}.npz`, `${b.id}.npz`))
    .map(({ id, label }) => ({
      id,
      images: channelFiles(join(folder, "imagesTr"), id, modalities),
      label: join(folder, "labelsTr", label),
    }));
  return {
    folder,
    modalities,
    classes,
    cases,
    tests: testIds(raw.get("test")),
    hasBackground: Math.min(...values) === 0,
  };
}

/** Returns the files of a case, one for each modality. */
export const channelFiles = (folder: string, id: string, modalities: readonly string[]): readonly string[] =>
  modalities.map((_, channel) => join(folder, `${id}_${String(channel).padStart(4, "0")}.nii.gz`));

function wordsOf(value: JsonValue | undefined): readonly string[] | null {
  if (!(value instanceof Map)) return null;
  const entries = [...(value as JsonObject)].sort(([a], [b]) => Number(a) - Number(b));
  const words = entries.map(([, word]) => word);
  return words.every((word): word is string => typeof word === "string") ? words : null;
}

const testIds = (test: JsonValue | undefined): readonly string[] | null =>
  Array.isArray(test)
    ? (test as readonly JsonValue[]).map((path) => basename(String(path)).slice(0, -".nii.gz".length))
    : null;

interface ListedCase {
  readonly id: string;
  /** A file name. */
  readonly label: string;
}

function listedCases(training: JsonValue | undefined, path: string): readonly ListedCase[] {
  if (!Array.isArray(training) || training.length === 0)
    throw nnunetError("DATASET_INVALID", `${path}: \`training\` should list the cases`);
  return (training as readonly JsonValue[]).map((entry) => {
    const nameOf = (key: string): string | null => {
      const found = entry instanceof Map ? (entry as JsonObject).get(key) : null;
      return typeof found === "string" && found.endsWith(".nii.gz") ? basename(found) : null;
    };
    const image = nameOf("image");
    if (image !== null) return { id: image.slice(0, -".nii.gz".length), label: nameOf("label") ?? image };
    throw nnunetError(
      "DATASET_INVALID",
      `${path}: each entry of \`training\` should name an image that ends with .nii.gz`,
    );
  });
}

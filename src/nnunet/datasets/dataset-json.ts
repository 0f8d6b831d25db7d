import { join } from "node:path";
import type { JsonObject, JsonValue } from "../../checkpoint/parse-json.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { shortText } from "../../ground/untrusted/short-text.js";
import { readJsonObject } from "../files/read-json.js";

/** A label or region of dataset.json: its name, and the value or values that it stands for. */
export interface DatasetLabel {
  readonly name: string;
  readonly values: readonly number[];
  /** True if the file lists the values in brackets. One value in brackets is a region in keys, but not in networks. */
  readonly isList: boolean;
  /** True if a value is in quotes. nnU-Net reads it as a number nearly everywhere. */
  readonly isText?: boolean;
  /** True if a value has a fraction, which nnU-Net leaves out. */
  readonly isFraction?: boolean;
}

/** What nnU-Net v2 reads in dataset.json. */
export interface DatasetJson {
  readonly folder: string;
  /** In the order of the file. */
  readonly channelNames: readonly string[];
  readonly labels: readonly DatasetLabel[];
  readonly caseCount: number;
  readonly fileEnding: string;
  /** The class of nnU-Net's reader; null for its own choice. */
  readonly readerOverride: string | null;
  readonly regionsClassOrder: readonly number[] | null;
  /** The cases that `dataset` lists, with paths from the data set's folder; null for those in imagesTr. */
  readonly listedCases: readonly ListedCase[] | null;
  /** The whole file, with all keys in their order. */
  readonly raw: JsonObject;
}

export interface ListedCase {
  readonly id: string;
  readonly images: readonly string[];
  readonly label: string | null;
}

/** dataset.json as far as it could be read, and what is wrong with it. */
export interface DatasetJsonReading {
  /** Null if a fault prevents further use. */
  readonly dataset: DatasetJson | null;
  readonly faults: readonly DatasetJsonFault[];
}

export interface DatasetJsonFault {
  readonly key: string;
  /**
   * `missing` if the file lacks the key; `wrong` if its value cannot be used; `late` if nnU-Net's own check does not look at it,
   * but a later step fails.
   */
  readonly kind: "missing" | "wrong" | "late";
  readonly text: string;
}

export interface DatasetJsonOptions {
  /** True to accept v1's key `modality` for `channel_names`, as nnU-Net's planner does, but not its check. */
  readonly acceptsModality: boolean;
}

/**
 * Reads dataset.json in a data set's folder.
 *
 * @throws DATASET_INVALID with every fault
 */
export async function readDatasetJson(
  folder: string,
  options: DatasetJsonOptions = { acceptsModality: true },
): Promise<DatasetJson> {
  const path = join(folder, "dataset.json");
  const raw = await readJsonObject(path);
  if (raw === null) throw nnunetError("DATASET_INVALID", `${path} does not exist`);
  const { dataset, faults } = datasetOf(raw, folder, options);
  if (dataset !== null && faults.length === 0) return dataset;
  throw nnunetError("DATASET_INVALID", faults.map(({ text }) => `${path}: ${text}`).join("\n"));
}

/** Reads the parts of dataset.json, and collects every fault. */
export function datasetOf(
  raw: JsonObject,
  folder: string,
  { acceptsModality }: DatasetJsonOptions,
): DatasetJsonReading {
  const faults: DatasetJsonFault[] = [];
  const read = <T>(key: string, check: (value: JsonValue) => T | null, wanted: string): T | null => {
    const value = raw.get(key);
    if (value === undefined) {
      faults.push({ key, kind: "missing", text: `the key \`${key}\` is missing` });
      return null;
    }
    const found = check(value);
    if (found === null)
      faults.push({ key, kind: "wrong", text: `\`${key}\` should be ${wanted}, but is ${shortText(value)}` });
    return found;
  };
  const late = (key: string, text: string) => faults.push({ key, kind: "late", text: `\`${key}\` ${text}` });
  const optional = <T>(key: string, check: (value: JsonValue) => T | null, wanted: string): T | null =>
    // nnU-Net looks at a null like at any other value, except for the order of regions.
    !raw.has(key) || (key === "regions_class_order" && raw.get(key) === null)
      ? null
      : read(key, check, wanted);
  const channelKey =
    acceptsModality && !raw.has("channel_names") && raw.has("modality") ? "modality" : "channel_names";
  const labels = read("labels", labelsOf, 'an object such as {"background": 0, "liver": 1}');
  if (labels?.some(({ isFraction }) => isFraction === true))
    late("labels", `should have whole numbers as values, but is ${shortText(raw.get("labels")!)}`);
  const channelNames = read(channelKey, namesOf, 'an object such as {"0": "CT"}');
  const caseCount = read("numTraining", countOf, "the number of training cases");
  const fileEnding = read("file_ending", endingOf, 'a text such as ".nii.gz"');
  const reader = optional("overwrite_image_reader_writer", textOf, "the name of a reader, such as NibabelIO");
  const order = optional("regions_class_order", orderOf, "a list of labels");
  if (channelNames?.some((name) => typeof name !== "string"))
    late(channelKey, `should have texts as values, but has ${shortText(channelNames)}`);
  if (order?.some((label) => !Number.isSafeInteger(label)))
    late("regions_class_order", `should be a list of numbers, but is ${shortText(order)}`);
  const listedCases = optional("dataset", casesOf, 'an object such as {"id": {"images": […], "label": "…"}}');
  if (labels === null || channelNames === null || caseCount === null || fileEnding === null)
    return { dataset: null, faults };
  const dataset: DatasetJson = {
    folder,
    channelNames: channelNames.map(String),
    labels,
    caseCount,
    fileEnding,
    readerOverride: reader === "None" ? null : reader,
    regionsClassOrder: order?.map(Number) ?? null,
    listedCases,
    raw,
  };
  return { dataset, faults };
}

function labelsOf(value: JsonValue): readonly DatasetLabel[] | null {
  if (!(value instanceof Map)) return null;
  const labels: DatasetLabel[] = [];
  for (const [name, label] of value as JsonObject) {
    // Then nnU-Net has no label to ignore.
    if (name === "ignore" && label === null) continue;
    const written: readonly JsonValue[] = Array.isArray(label) ? label : [label];
    const exact = written.map(labelValue);
    const values = exact.map((value) => (Number.isFinite(value) ? Math.trunc(value as number) : value));
    const isFraction = values.some((value, i) => value !== exact[i]);
    if (!values.every((item): item is number => Number.isSafeInteger(item))) return null;
    const isText = written.some((item) => typeof item === "string");
    labels.push({
      name,
      values,
      isList: Array.isArray(label),
      ...(isText ? { isText } : {}),
      ...(isFraction ? { isFraction } : {}),
    });
  }
  return labels;
}

/** As Python's `int` does, a text with a whole number is taken for this number, and true for 1. */
const labelValue = (value: JsonValue): JsonValue =>
  typeof value === "boolean" || (typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value))
    ? Number(value)
    : value;

const namesOf = (value: JsonValue): readonly JsonValue[] | null =>
  value instanceof Map ? [...(value as JsonObject).values()] : null;

const countOf = (value: JsonValue): number | null =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;

const textOf = (value: JsonValue): string | null => (typeof value === "string" ? value : null);

/** An ending becomes part of paths, so it must not lead elsewhere. */
const endingOf = (value: JsonValue): string | null =>
  typeof value === "string" && /^\.[\w.-]{1,40}$/.test(value) ? value : null;

/** nnU-Net counts the entries, for which a text has its letters. */
const orderOf = (value: JsonValue): readonly JsonValue[] | null =>
  Array.isArray(value) ? (value as readonly JsonValue[]) : typeof value === "string" ? [...value] : null;

function casesOf(value: JsonValue): readonly ListedCase[] | null {
  if (!(value instanceof Map)) return null;
  const cases: ListedCase[] = [];
  for (const [id, entry] of value as JsonObject) {
    if (!(entry instanceof Map)) return null;
    const images = (entry as JsonObject).get("images");
    const label = (entry as JsonObject).get("label") ?? null;
    if (!Array.isArray(images) || !images.every((path) => typeof path === "string")) return null;
    if (label !== null && typeof label !== "string") return null;
    // The id names files of preprocessed data.
    if (/[\\/\0]|^\.*$/.test(id)) return null;
    cases.push({ id, images: images as string[], label });
  }
  return cases;
}

import type { JsonObject, JsonValue } from "../../../checkpoint/parse-json.js";
import type { DatasetJsonFault } from "../dataset-json.js";
import { steps } from "./dataset-finding.js";

/** Where nnU-Net's own check stumbles over a fault of dataset.json, and the Python exception with which it does. */
export interface NnunetStop {
  readonly step: number;
  /** Null if it does not notice. */
  readonly exception: string | null;
}

/** Says what nnU-Net's check, which does not look at the kinds of values, does about a value that cannot be used. */
export function stopAtFault({ key, kind }: DatasetJsonFault, raw: JsonObject): NnunetStop {
  if (kind === "missing") return { step: steps.keys, exception: "AssertionError" };
  if (kind === "late") return { step: steps.keys, exception: null };
  const value = raw.get(key)!;
  switch (key) {
    case "labels":
      return { step: steps.labelRules, exception: labelsException(value) };
    case "channel_names":
      return { step: steps.keys, exception: value instanceof Map ? "TypeError" : "AttributeError" };
    case "dataset": {
      const exception = datasetException(value);
      if (exception !== null) return { step: steps.keys, exception };
      // Each character of a text in place of a list counts as the name of an image.
      return { step: steps.files, exception: namesImagesByText(value) ? "FileNotFoundError" : null };
    }
    case "numTraining":
      // It compares the value with the number of cases, and formats it with %d.
      return {
        step: steps.caseCount,
        exception: ["number", "boolean"].includes(typeof value) ? "AssertionError" : "TypeError",
      };
    case "file_ending":
      // No files, or no labels, have such an ending.
      return {
        step: steps.caseCount,
        exception: typeof value === "string" ? "AssertionError" : "TypeError",
      };
    case "regions_class_order":
      // It counts the entries if there are regions, and otherwise does not look at them.
      return { step: steps.labelRules, exception: hasRegions(raw) ? "TypeError" : null };
    case "overwrite_image_reader_writer":
      return { step: steps.reader, exception: "TypeError" };
    default:
      return { step: steps.keys, exception: "TypeError" };
  }
}

/** nnU-Net goes through the cases, and reads the label of each before its images. */
export function datasetException(value: JsonValue): string | null {
  if (!(value instanceof Map)) return "AttributeError";
  for (const entry of value.values()) {
    if (!(entry instanceof Map)) return "TypeError";
    const { label, images } = Object.fromEntries(entry) as Readonly<Record<string, JsonValue | undefined>>;
    if (label === undefined) return "KeyError";
    if (typeof label !== "string") return "TypeError";
    if (images === undefined) return "KeyError";
    const names = images instanceof Map ? [...images.keys()] : images;
    if (
      typeof names !== "string" &&
      !(Array.isArray(names) && names.every((name) => typeof name === "string"))
    )
      return "TypeError";
  }
  return null;
}

const namesImagesByText = (value: JsonValue): boolean =>
  value instanceof Map &&
  [...value.values()].some((entry) => entry instanceof Map && typeof entry.get("images") === "string");

const hasRegions = (raw: JsonObject): boolean => {
  const labels = raw.get("labels");
  return (
    labels instanceof Map && [...labels.values()].some((label) => Array.isArray(label) && label.length > 1)
  );
};

/** LabelManager looks at the background first, and then gives each value to Python's `int`. */
function labelsException(value: JsonValue): string {
  if (!(value instanceof Map)) return "AttributeError";
  const labels = value as JsonObject;
  const background = labels.get("background");
  if (background === undefined || Array.isArray(background)) return "RuntimeError";
  const values = [...labels].filter(([name]) => name !== "ignore").flatMap(([, label]) => label);
  const wrong = [background, ...values].find((label) => !Number.isSafeInteger(label) && !isWholeText(label));
  // A number beyond those that are exact here leaves a gap between the labels.
  if (wrong === undefined || typeof wrong === "number") return "AssertionError";
  return typeof wrong === "string" ? "ValueError" : "TypeError";
}

const isWholeText = (value: JsonValue): boolean =>
  typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value);

/** Returns whether JSON text gives `numTraining` as `3.0` or `3e0`, which Python takes for a float. */
export function countIsFloat(text: string): boolean {
  const numbers = [...text.matchAll(/"numTraining"\s*:\s*(-?\d[\d.eE+-]*)/g)].map(([, number]) => number!);
  return numbers.length > 0 && numbers.every((number) => /[.eE]/.test(number));
}

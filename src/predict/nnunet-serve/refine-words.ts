import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { RefinementWishes } from "../../../processor/runtime/cases/refinement-wishes.js";
import { requireOther, shareWord } from "./option-words.js";
import type { ServeWords } from "./parse-arguments.js";

/** The values that hold unless an option changes them. */
const usual = { threshold: 0.1, minIntersection: 0.1, cropPadding: ["10", "10", "10"] } as const;

/**
 * Reads what is kept of the networks' answer from the words of a command line. Paths stay as the user wrote them.
 *
 * @throws USAGE for a value out of range, or an option that waits for another one
 */
export function refineWishes(words: ServeWords): RefinementWishes {
  return {
    candidates: candidatesOf(words),
    smallestObject: smallestObjectOf(words),
    reference: referenceOf(words),
    crop: cropOf(words),
  };
}

function candidatesOf(words: ServeWords): RefinementWishes["candidates"] {
  const index = words.get("class_idx")?.[0];
  if (index === undefined) {
    for (const name of ["proba_threshold", "min_confidence"] as const) requireOther(words, name, "class_idx");
    return null;
  }
  if (!/^\d{1,5}$/.test(index))
    throw sharedError("USAGE", `--class_idx must be the number of a class, but is ${index}`);
  return {
    classes: [Number(index)],
    threshold: shareWord(words, "proba_threshold") ?? usual.threshold,
    minConfidence: shareWord(words, "min_confidence"),
  };
}

function smallestObjectOf(words: ServeWords): number | null {
  const text = words.get("remove_objects_smaller_than")?.[0];
  if (text === undefined) return null;
  if (words.has("class_idx"))
    throw sharedError(
      "USAGE",
      "--remove_objects_smaller_than has no effect with --class_idx, whose candidates have more than 10 voxels",
    );
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if ((value > 0 && value < 1) || (Number.isSafeInteger(value) && value >= 1)) return value;
  throw sharedError(
    "USAGE",
    `--remove_objects_smaller_than must be a share of the largest object below 1, or a whole number of voxels, but is ${text}`,
  );
}

function referenceOf(words: ServeWords): RefinementWishes["reference"] {
  const path = words.get("intersect_with")?.[0];
  if (path !== undefined)
    return { path, minIntersection: shareWord(words, "min_intersection") ?? usual.minIntersection };
  requireOther(words, "min_intersection", "intersect_with");
  return null;
}

function cropOf(words: ServeWords): RefinementWishes["crop"] {
  requireOther(words, "crop_padding", "crop_from");
  const path = words.get("crop_from")?.[0];
  if (path === undefined) return null;
  const given = (words.get("crop_padding") ?? usual.cropPadding).map((word) => word.replace(/,$/, ""));
  const [x, y, z, ...others] = given.map(Number);
  if (!given.every((word) => /^\d{1,5}$/.test(word)) || z === undefined || others.length > 0)
    throw sharedError("USAGE", `--crop_padding must be three whole numbers, but is ${given.join(" ")}`);
  return { path, marginXyz: [x!, y!, z] };
}

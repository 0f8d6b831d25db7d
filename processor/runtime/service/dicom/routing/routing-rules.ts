import { nearest } from "../../../../contract/nearest-name.js";
import { sopClassKind } from "../../../../imaging/dicom/sop-classes.js";
import { exchangeError } from "../errors.js";
import type { StoredSeries } from "../store/instance-store.js";
import { matchesWildcards } from "../web/match-value.js";

/** Which series a model segments, what it writes, and where that goes. Null leaves a condition out. */
export interface RoutingRule {
  readonly modality: string | null;
  /** What SeriesDescription must contain; `*` stands for any text, `?` for one character. */
  readonly description: string | null;
  readonly bodyPart: string | null;
  readonly minSlices: number | null;
  readonly model: string;
  readonly outputs: readonly ("seg" | "rtstruct")[];
  /** The name of a peer, or the address of a DICOMweb service; null to keep results here. */
  readonly sendTo: string | null;
}

const keys = ["modality", "description~", "body_part", "slices>=", "model", "output", "send_to"];
const mostRules = 1000;

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Reads `dicom_rules` of the file of models, and reports all faults at once.
 *
 * @throws DICOM_RULES_INVALID
 */
export function readRoutingRules(value: unknown): readonly RoutingRule[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value) || value.length > mostRules)
    throw exchangeError("DICOM_RULES_INVALID", "dicom_rules must be a list of rules");
  const faults: string[] = [];
  const rules = value.map((rule: unknown, i) => ruleOf(rule, `dicom_rules[${i}]`, faults));
  if (faults.length > 0) throw exchangeError("DICOM_RULES_INVALID", faults.join("; "));
  return rules;
}

function ruleOf(value: unknown, place: string, faults: string[]): RoutingRule {
  const isMapping = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMapping) faults.push(`${place} must be a mapping with model`);
  const rule = isMapping ? (value as Mapping) : {};
  for (const key of Object.keys(rule)) {
    if (keys.includes(key)) continue;
    const near = nearest(key, keys);
    faults.push(`${place}.${key} is not a known key${near === null ? "" : `; did you mean ${near}?`}`);
  }
  const text = (key: string): string | null => {
    const found = rule[key] ?? null;
    if (found === null || (typeof found === "string" && found !== "" && found.length <= 200)) return found;
    faults.push(`${place}.${key} must be a text`);
    return null;
  };
  const minSlices = rule["slices>="] ?? null;
  if (minSlices !== null && !(Number.isInteger(minSlices) && Number(minSlices) > 0))
    faults.push(`${place}.slices>= must be a whole number above 0`);
  const model = text("model");
  if (isMapping && model === null) faults.push(`${place}.model is missing`);
  return {
    modality: text("modality"),
    description: text("description~"),
    bodyPart: text("body_part"),
    minSlices: minSlices === null ? null : Number(minSlices),
    model: model ?? "",
    outputs: outputsOf(rule["output"], place, faults),
    sendTo: text("send_to"),
  };
}

function outputsOf(value: unknown, place: string, faults: string[]): RoutingRule["outputs"] {
  const words: readonly unknown[] = [value ?? "seg"].flat();
  const known = words.filter((word) => word === "seg" || word === "rtstruct");
  if (known.length === words.length && words.length > 0) return known;
  faults.push(`${place}.output must be seg, rtstruct, or a list of them`);
  return ["seg"];
}

/** Returns the first rule that holds for a series; null if there is none. */
export const ruleFor = (series: StoredSeries, rules: readonly RoutingRule[]): RoutingRule | null =>
  rules.find((rule) => holds(rule, series)) ?? null;

function holds({ modality, description, bodyPart, minSlices }: RoutingRule, series: StoredSeries): boolean {
  const [first] = series.instances.values();
  if (first === undefined || !isImage(first.sopClassUid)) return false;
  const value = (tag: string): string => String(first.attributes[tag]?.Value?.[0] ?? "");
  const isSame = (wanted: string | null, found: string): boolean =>
    wanted === null || wanted.toLowerCase() === found.toLowerCase();
  return (
    isSame(modality, value("00080060")) &&
    isSame(bodyPart, value("00180015")) &&
    (description === null ||
      matchesWildcards(value("0008103E").toLowerCase(), `*${description.toLowerCase()}*`)) &&
    (minSlices === null || slicesOf(series) >= minSlices)
  );
}

/** Counts the frames of files with several. */
function slicesOf({ instances }: StoredSeries): number {
  let slices = 0;
  for (const { attributes } of instances.values()) slices += Number(attributes["00280008"]?.Value?.[0] ?? 1);
  return slices;
}

/** Returns whether objects of a class can be segmented. */
export const isImage = (sopClassUid: string): boolean =>
  ["cross-section", "multi-frame", "secondary-capture", "projection"].includes(sopClassKind(sopClassUid));

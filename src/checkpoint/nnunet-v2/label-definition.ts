import { counted } from "../../../processor/contract/counted.js";
import type { LabelDefinition } from "../../../processor/contract/manifest.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Field } from "../fields.js";

export interface DatasetLabels {
  readonly definition: LabelDefinition;
  /** Output channels of the network: one per region, or one per label with background. */
  readonly heads: number;
}

/**
 * Reads `labels` and `regions_class_order` of dataset.json by the rules of nnU-Net's LabelManager: a label
 * with several values makes this a region-based model; `ignore` gets no head and must be the highest value.
 *
 * @param dataset dataset.json; v1's form `{"0": "background", "1": "liver"}` is accepted too
 */
export function readLabels(dataset: Field): DatasetLabels {
  const names = labelEntries(dataset.get("labels"));
  const invalid = (what: string) => builderError("MODEL_FILE_INVALID", `${dataset.path}: ${what}`);

  const background = names.find(({ name }) => name === "background");
  if (background?.value !== 0) throw invalid("labels must name background, with value 0");
  const ignore = names.find(({ name }) => name === "ignore")?.value ?? null;
  if (ignore !== null && typeof ignore !== "number") throw invalid("the ignore label must be one value");

  const segmented = names.filter(({ name }) => name !== "ignore");
  const values = [...new Set(segmented.flatMap(({ value }) => value))].toSorted((a, b) => a - b);
  if (ignore !== null && ignore !== (values.at(-1) ?? 0) + 1) {
    throw invalid(`the ignore label is ${ignore}, but must be one above the highest label ${values.at(-1)}`);
  }
  const foregroundLabels = values.filter((value) => value !== 0);
  const hasRegions = names.some(({ value }) => typeof value !== "number" && value.length > 1);
  if (!hasRegions) {
    const definition = { names, foregroundLabels, regionsClassOrder: null, ignoreLabel: ignore };
    return { definition, heads: values.length };
  }

  const regions = segmented.filter(({ value }) => ![value].flat().every((label) => label === 0));
  const order = dataset.get("regions_class_order");
  if (order.isNull) throw invalid("labels has regions, but regions_class_order is missing");
  const regionsClassOrder = order.integers();
  if (regionsClassOrder.length !== regions.length) {
    throw invalid(
      `regions_class_order has ${counted(regionsClassOrder.length, "entry", "entries")} for ${counted(regions.length, "region")}`,
    );
  }
  const unwritable = regionsClassOrder.find((label) => label < 0 || label > largestWritten);
  if (unwritable !== undefined)
    throw invalid(`regions_class_order has ${unwritable}; a label must be 0 to ${largestWritten}`);
  const definition = { names, foregroundLabels, regionsClassOrder, ignoreLabel: ignore };
  return { definition, heads: regions.length };
}

/** The largest uint16. */
const largestWritten = 65535;

type NamedLabel = LabelDefinition["names"][number];

function labelEntries(labels: Field): NamedLabel[] {
  const entries = labels.entries().filter(([key, field]) => key !== "ignore" || !field.isNull);
  return entries.map(([key, field]) => {
    const isInverted = /^\d+$/.test(key) && field.isString && !/^\d+$/.test(field.string());
    if (isInverted) return { name: field.string(), value: Number(key) };
    if (field.isList) return { name: key, value: field.list().map(labelValue) };
    return { name: key, value: labelValue(field) };
  });
}

/** nnU-Net accepts `"1"` for 1. */
function labelValue(field: Field): number {
  if (field.isString && /^\d+$/.test(field.string())) return Number(field.string());
  return field.integer();
}

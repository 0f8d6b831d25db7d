import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { PythonJson } from "../python-json.js";

/** What dataset.json of nnU-Net v2 says, in the order in which nnU-Net's `generate_dataset_json` writes it. */
export interface DatasetDescription {
  readonly channelNames: readonly string[];
  /** A value, or the values of a region, for each name. */
  readonly labels: readonly (readonly [name: string, value: number | readonly number[]])[];
  readonly caseCount: number;
  readonly fileEnding: string;
  readonly regionsClassOrder: readonly number[] | null;
  readonly licence: string | null;
  readonly convertedBy: string | null;
  readonly name: string | null;
  readonly reference: string | null;
  readonly release: string | null;
  /** True if there is a citation. nnU-Net 2.8.1 writes the release in its place, and so does this function. */
  readonly hasCitation: boolean;
  readonly description: string | null;
  readonly imageReader: string | null;
  readonly further: readonly (readonly [key: string, value: PythonJson])[];
}

/** A description without what is optional. */
export const nothingFurther = {
  regionsClassOrder: null,
  licence: null,
  convertedBy: null,
  reference: null,
  release: null,
  hasCitation: false,
  description: null,
  imageReader: null,
  further: [],
} as const;

const noLicence = "Whoever converted this dataset was lazy and didn't look it up!";
const noAuthor =
  "Please enter your name, especially when sharing datasets with others in a common infrastructure!";

/**
 * Returns dataset.json as nnU-Net's `generate_dataset_json` writes it.
 *
 * @throws DATASET_INVALID for regions without an order of their labels
 */
export function generateDatasetJson(description: DatasetDescription): PythonJson {
  const { labels, regionsClassOrder, hasCitation, release } = description;
  const hasRegions = labels.some(([, value]) => Array.isArray(value) && value.length > 1);
  if (hasRegions && regionsClassOrder === null)
    throw nnunetError(
      "DATASET_INVALID",
      "labels with several values are regions, which need regions_class_order",
    );
  const optional = (key: string, value: PythonJson | null): readonly (readonly [string, PythonJson])[] =>
    value === null ? [] : [[key, value]];
  return new Map<string, PythonJson>([
    ["channel_names", new Map(description.channelNames.map((name, i) => [String(i), name]))],
    ["labels", new Map<string, PythonJson>(labels.map(([name, value]) => [name, value]))],
    ["numTraining", description.caseCount],
    ["file_ending", description.fileEnding],
    ["licence", description.licence ?? noLicence],
    ["converted_by", description.convertedBy ?? noAuthor],
    ...optional("name", description.name),
    ...optional("reference", description.reference),
    ...optional("release", release),
    ...(hasCitation ? [["citation", release] as const] : []),
    ...optional("description", description.description),
    ...optional("overwrite_image_reader_writer", description.imageReader),
    ...optional("regions_class_order", regionsClassOrder),
    ...description.further,
  ]);
}

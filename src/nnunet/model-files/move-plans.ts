import { basename, join } from "node:path";
import { exists } from "../../../processor/files/exists.js";
import { didYouMean } from "../../../processor/files/nearest-path.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { type DatasetJson, readDatasetJson } from "../datasets/dataset-json.js";
import { chooseReader, type ImageReaderName, isReaderName } from "../datasets/image-reader.js";
import { listCases } from "../datasets/list-cases.js";
import { readPythonJsonObject } from "../files/read-json.js";
import { writePythonJson } from "../files/write-json.js";
import type { PythonJson } from "../python-json.js";

type PlansJson = ReadonlyMap<string, PythonJson>;

export interface MovePlansOptions {
  /** `<nnUNet_preprocessed>/<data set>` that has the plans. */
  readonly sourceFolder: string;
  readonly plans: string;
  readonly target: {
    readonly name: string;
    readonly rawFolder: string;
    readonly preprocessedFolder: string;
  };
  /** The name of the plans there. */
  readonly newName: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Copies plans to another data set, as `nnUNetv2_move_plans_between_datasets` does, so that a network can be trained further
 * there: with the other data set's name and reader, and with names of preprocessed data that follow the new name.
 *
 * @returns the path of the new file
 * @throws NOT_PREPROCESSED if the plans do not exist; FINGERPRINT_MISSING if the other data set has none; DATASET_INVALID
 */
export async function movePlans(options: MovePlansOptions): Promise<string> {
  const { sourceFolder, plans, target, newName, environment } = options;
  const sourceFile = join(sourceFolder, `${plans}.json`);
  const source = await readPythonJsonObject(sourceFile);
  if (source === null)
    throw nnunetError("NOT_PREPROCESSED", `${sourceFile} does not exist${await didYouMean(sourceFile)}`);
  if (!(await exists(target.preprocessedFolder)))
    throw nnunetError("FINGERPRINT_MISSING", `${target.preprocessedFolder} does not exist`);
  const dataset = await readDatasetJson(target.rawFolder);
  const [first] = await listCases(dataset, environment);
  const reader = await readerByTrial(dataset, first?.images[0] ?? null);
  const moved = new Map<string, PythonJson>(source);
  moved.set("dataset_name", basename(target.name));
  moved.set("image_reader_writer", reader);
  moved.set("plans_name", newName);
  if (newName !== plans)
    moved.set("configurations", renamed(source.get("configurations"), { plans, newName }));
  const file = join(target.preprocessedFolder, `${newName}.json`);
  await writePythonJson(file, moved, { sortKeys: false });
  return file;
}

/** Formats that several of nnU-Net's readers can open, whatever endings they are meant for. */
const triedFormats = /\.(?:nii|mha|nrrd|gipl|tiff?)$/i;

/**
 * Returns the reader that nnU-Net takes if it lets every reader try the file, as it does here: NaturalImage2DIO opens flat
 * images, and volumes whose first or last axis it takes for colours (3 or 4 values); SimpleITKIO opens all others.
 */
async function readerByTrial(dataset: DatasetJson, example: string | null): Promise<ImageReaderName> {
  const { readerOverride } = dataset;
  if (isReaderName(readerOverride) || example === null || !triedFormats.test(example))
    return (await chooseReader(dataset, example)).reader;
  const { geometry, components } = await readImage(example);
  const [slices, , columns] = geometry.sizeZyx;
  const looksColoured = [slices, columns].some((size) => size === 3 || size === 4);
  return geometry.dimensions === 2 || (components === 1 && looksColoured)
    ? "NaturalImage2DIO"
    : "SimpleITKIO";
}

/** Renames the preprocessed data of each configuration; those that inherit have none of their own. */
function renamed(
  configurations: PythonJson | undefined,
  { plans, newName }: { readonly plans: string; readonly newName: string },
): PlansJson {
  const result = new Map<string, PythonJson>();
  for (const [name, configuration] of configurations instanceof Map ? configurations : []) {
    const identifier = configuration instanceof Map ? configuration.get("data_identifier") : undefined;
    if (typeof identifier !== "string") {
      result.set(name, configuration);
      continue;
    }
    const own = identifier.startsWith(plans)
      ? `${newName}${identifier.slice(plans.length)}`
      : `${newName}_${identifier}`;
    result.set(name, new Map(configuration as PlansJson).set("data_identifier", own));
  }
  return result;
}

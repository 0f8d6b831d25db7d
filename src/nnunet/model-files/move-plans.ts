import { basename, join } from "node:path";
import { exists } from "../../../processor/files/exists.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { readDatasetJson } from "../datasets/dataset-json.js";
import { chooseReader } from "../datasets/image-reader.js";
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
  if (source === null) throw nnunetError("NOT_PREPROCESSED", `${sourceFile} does not exist`);
  if (!(await exists(target.preprocessedFolder)))
    throw nnunetError("FINGERPRINT_MISSING", `${target.preprocessedFolder} does not exist`);
  const dataset = await readDatasetJson(target.rawFolder);
  const [first] = await listCases(dataset, environment);
  const { reader } = await chooseReader(dataset, first?.images[0] ?? null);
  const moved = new Map<string, PythonJson>(source);
  moved.set("dataset_name", basename(target.name));
  moved.set("image_reader_writer", reader);
  if (newName !== plans) {
    moved.set("plans_name", newName);
    moved.set("configurations", renamed(source.get("configurations"), { plans, newName }));
  }
  const file = join(target.preprocessedFolder, `${newName}.json`);
  await writePythonJson(file, moved, { sortKeys: false });
  return file;
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

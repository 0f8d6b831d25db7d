import { join } from "node:path";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { type DatasetJson, readDatasetJson } from "../datasets/dataset-json.js";
import { chooseReader, isReaderName } from "../datasets/image-reader.js";
import { listCases } from "../datasets/list-cases.js";
import { foundReader, requireUnchanged } from "../datasets/raw-files.js";
import { readPythonJsonObject } from "../files/read-json.js";
import { writePythonJson } from "../files/write-json.js";
import type { DatasetPlace } from "../find-dataset.js";
import { type Fingerprint, readFingerprint } from "../fingerprint/fingerprint-file.js";
import type { PythonJson } from "../python-json.js";
import { type DatasetPlan, planDataset } from "./plan-dataset.js";
import { type PlannerName, planners } from "./planners.js";
import { type PlansJson, plansJson } from "./plans-json.js";
import { copySplits, requireSameSplits } from "./raw-splits.js";

/** What a user may choose about plans. */
export interface PlanSettings {
  readonly planner: PlannerName;
  /** The GPU memory to plan for; null for the planner's own target. */
  readonly gigabytes: number | null;
  /** In mm (z, y, x); null for the planner's choice. */
  readonly spacingMmZyx: readonly number[] | null;
  /** Null for the planner's name. */
  readonly plansName: string | null;
  readonly preprocessor: string;
}

/** The plans of a data set, as made and as nnU-Net writes them. */
export interface MadePlans {
  readonly datasetName: string;
  readonly dataset: DatasetJson;
  readonly fingerprint: Fingerprint;
  readonly plan: DatasetPlan;
  readonly plansName: string;
  readonly plans: PlansJson;
}

/**
 * Plans a data set from its fingerprint.
 *
 * @throws FINGERPRINT_MISSING, DATASET_CHANGED, DATASET_INVALID, PLAN_IMPOSSIBLE
 */
export async function makePlans(
  place: DatasetPlace & { readonly preprocessedFolder: string },
  settings: PlanSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<MadePlans> {
  const { planner } = settings;
  const dataset = await readDatasetJson(place.rawFolder);
  const fingerprint = await readFingerprint(place.preprocessedFolder);
  const constants = planners[planner];
  if (dataset.channelNames.length === 0 || dataset.labels.length === 0)
    throw nnunetError("DATASET_INVALID", "dataset.json names no channels or no labels");
  await requireSameSplits(place);
  const cases = await listCases(dataset, environment);
  await requireUnchanged(place, cases);
  const [example] = cases;
  const reader =
    (isReaderName(dataset.readerOverride) ? null : await foundReader(place.preprocessedFolder)) ??
    (await chooseReader(dataset, example?.images[0] ?? null)).reader;
  const plan = planDataset(
    {
      spacings: fingerprint.spacings,
      shapesAfterCrop: fingerprint.shapesAfterCrop,
      caseCount: dataset.caseCount,
      labelCount: dataset.labels.length,
    },
    { constants, gigabytes: settings.gigabytes, spacingMmZyx: settings.spacingMmZyx },
  );
  const plansName = settings.plansName ?? constants.plansName;
  const plans = plansJson({
    plan,
    planner,
    constants,
    plansName,
    datasetName: place.name,
    imageReader: reader,
    preprocessor: settings.preprocessor,
    channelNames: dataset.channelNames,
    medianRelativeSize: fingerprint.medianRelativeSize,
    intensities: fingerprint.intensities,
  });
  return { datasetName: place.name, dataset, fingerprint, plan, plansName, plans };
}

/**
 * Writes `<plans>.json` and dataset.json to the preprocessed folder. Configurations of an existing file that the new
 * plans do not have are kept, as nnU-Net does for those that users added, and folds of the raw folder are copied.
 *
 * @returns the path of the plans
 */
export async function savePlans(made: MadePlans, preprocessedFolder: string): Promise<string> {
  await makeFolder(preprocessedFolder);
  const path = join(preprocessedFolder, `${made.plansName}.json`);
  const before = await readPythonJsonObject(path);
  const kept = before?.get("configurations");
  const configurations = new Map<string, PythonJson>(Object.entries(made.plans.configurations));
  if (kept instanceof Map)
    for (const [name, value] of kept as ReadonlyMap<string, PythonJson>)
      if (!configurations.has(name)) configurations.set(name, value);
  await writePythonJson(path, { ...made.plans, configurations }, { sortKeys: false });
  await copyFileWhole(join(made.dataset.folder, "dataset.json"), join(preprocessedFolder, "dataset.json"));
  await copySplits({ rawFolder: made.dataset.folder, preprocessedFolder });
  return path;
}

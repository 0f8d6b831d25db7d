import { join } from "node:path";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { pickleFile } from "../../../processor/nnunet-files/pickle-bytes.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { DatasetPlace } from "../find-dataset.js";
import { planTask, type TaskFacts, type TaskPlan } from "../planning/v1/plan-dataset-v1.js";
import type { PlannerNameV1 } from "../planning/v1/planners-v1.js";
import { plansV1 } from "../planning/v1/plans-v1.js";
import { answered } from "../threads/answers.js";
import { eachCase, type WorkTools } from "../threads/each-case.js";
import {
  NumpyVector,
  type PicklableValue,
  PickledFloat,
  PickledTuple,
  pickledValue,
} from "./pickled-value.js";
import { readTask, type Task } from "./read-task.js";
import { type IntensityPropertiesV1, intensityPropertiesV1, type TaskCase } from "./task-fingerprint.js";

/** What v1 knows about a task: dataset_properties.pkl. */
export interface TaskProperties {
  readonly task: Task;
  readonly cases: readonly TaskCase[];
  /** By channel; null without a CT channel. */
  readonly intensities: readonly ChannelProperties[] | null;
}

interface ChannelProperties {
  readonly all: IntensityPropertiesV1;
  readonly local: readonly IntensityPropertiesV1[];
}

const isCt = (modality: string): boolean => modality === "CT" || modality === "ct";

/** Measures a task as v1's cropping and `DatasetAnalyzer` do. */
export async function measureTask(place: DatasetPlace, tools: WorkTools): Promise<TaskProperties> {
  const task = await readTask(place.rawFolder);
  const cases = await eachCase(
    task.cases,
    { label: `${place.name}: measuring`, tools },
    async ({ images, label }, pool) =>
      answered(await pool.run("measureTaskCase", { reader: "SimpleITKIO", images, label })),
  );
  const intensities = task.modalities.some(isCt)
    ? task.modalities.map((_, channel) => ({
        all: intensityPropertiesV1(cases.map(({ samples }) => samples[channel]!)),
        local: cases.map(({ samples }) => intensityPropertiesV1([samples[channel]!])),
      }))
    : null;
  return { task, cases, intensities };
}

export const factsOf = ({ task, cases }: TaskProperties): TaskFacts => ({
  spacings: cases.map(({ spacingMmZyx }) => spacingMmZyx),
  sizes: cases.map(({ sizeZyx }) => sizeZyx),
  classes: task.classes,
  modalities: task.modalities,
  sizeReductions: cases.map(({ sizeReduction }) => sizeReduction),
});

export interface PlannedTask {
  readonly plan: TaskPlan;
  readonly file: string;
}

/** The files of v1's two planners. */
export const planFiles: Readonly<Record<PlannerNameV1, string>> = {
  ExperimentPlanner3D_v21: "nnUNetPlansv2.1_plans_3D.pkl",
  ExperimentPlanner2D_v21: "nnUNetPlansv2.1_plans_2D.pkl",
};

/**
 * Plans a task and writes what v1's training reads: dataset.json, dataset_properties.pkl and the plans.
 *
 * @param isWritten false for a dry run
 * @throws PLAN_IMPOSSIBLE if not even two slices fit the memory
 */
export async function planTaskFiles(
  properties: TaskProperties,
  {
    preprocessedFolder,
    planners,
    isWritten,
  }: {
    readonly preprocessedFolder: string;
    readonly planners: readonly PlannerNameV1[];
    readonly isWritten: boolean;
  },
): Promise<readonly PlannedTask[]> {
  const facts = factsOf(properties);
  const planned = planners.map((planner) => ({
    plan: planTask(facts, planner),
    file: join(preprocessedFolder, planFiles[planner]),
  }));
  const impossible = planned.find(({ plan }) => plan.stages.some(({ batchSize }) => batchSize === 0));
  if (impossible !== undefined)
    throw nnunetError(
      "PLAN_IMPOSSIBLE",
      `${impossible.plan.planner}: two slices of this size do not fit the GPU memory`,
    );
  if (!isWritten) return planned;
  await makeFolder(preprocessedFolder);
  await copyFileWhole(join(properties.task.folder, "dataset.json"), join(preprocessedFolder, "dataset.json"));
  const dataset = propertiesValue(properties);
  await writeFileWhole(join(preprocessedFolder, "dataset_properties.pkl"), [
    pickleFile(pickledValue(dataset)),
  ]);
  for (const { plan, file } of planned)
    await writeFileWhole(file, [
      pickleFile(pickledValue(plansValue(plan, { properties, preprocessedFolder, dataset }))),
    ]);
  return planned;
}

/** Returns dataset_properties.pkl. */
function propertiesValue({ task, cases, intensities }: TaskProperties): {
  readonly [key: string]: PicklableValue;
} {
  return {
    all_sizes: cases.map(({ sizeZyx }) => new PickledTuple(sizeZyx)),
    all_spacings: cases.map(({ spacingMmZyx }) => new NumpyVector(spacingMmZyx, "f8")),
    all_classes: task.classes,
    modalities: numbered(task.modalities),
    intensityproperties:
      intensities === null
        ? null
        : numbered(
            intensities.map(
              ({ all, local }): PicklableValue => ({
                local_props: new Map(local.map((numbers, i) => [task.cases[i]!.id, floats(numbers)])),
                ...floats(all),
              }),
            ),
          ),
    size_reductions: new Map(
      cases.map(({ sizeReduction }, i) => [task.cases[i]!.id, new PickledFloat(sizeReduction)]),
    ),
  };
}

const numbered = <T extends PicklableValue>(values: readonly T[]): ReadonlyMap<number, T> =>
  new Map(values.map((value, i) => [i, value]));

const floats = (numbers: IntensityPropertiesV1): { readonly [key: string]: PicklableValue } =>
  Object.fromEntries(
    Object.entries(numbers).map(([key, value]: [string, number]) => [key, new PickledFloat(value)]),
  );

interface PlansSources {
  readonly properties: TaskProperties;
  readonly preprocessedFolder: string;
  readonly dataset: PicklableValue;
}

/** Returns the plans as v1 reads them: the keys of stages and channels are numbers, and sizes are numpy arrays. */
function plansValue(
  plan: TaskPlan,
  { properties, preprocessedFolder, dataset }: PlansSources,
): PicklableValue {
  const { task, cases } = properties;
  const json = plansV1(plan, { classes: task.classes, modalities: task.modalities });
  return {
    ...json,
    modalities: numbered(task.modalities),
    normalization_schemes: numbered(plan.normalizationSchemes),
    use_mask_for_norm: numbered(plan.useMask),
    dataset_properties: dataset,
    list_of_npz_files: task.cases.map(({ id }) => join(preprocessedFolder, `${id}.npz`)),
    original_spacings: cases.map(({ spacingMmZyx }) => new NumpyVector(spacingMmZyx, "f8")),
    original_sizes: cases.map(({ sizeZyx }) => new PickledTuple(sizeZyx)),
    preprocessed_data_folder: preprocessedFolder,
    plans_per_stage: numbered(
      Object.values(json.plans_per_stage).map(
        (stage): PicklableValue => ({
          ...stage,
          patch_size: new NumpyVector(stage.patch_size, "i8"),
          median_patient_size_in_voxels: new NumpyVector(stage.median_patient_size_in_voxels, "i8"),
          current_spacing: new NumpyVector(stage.current_spacing, "f8"),
          original_spacing: new NumpyVector(stage.original_spacing, "f8"),
        }),
      ),
    ),
  };
}

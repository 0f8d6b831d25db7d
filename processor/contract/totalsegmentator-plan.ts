import {
  about,
  type Checked,
  flag,
  type JsonCheck,
  listOf,
  named,
  nonEmptyListOf,
  number,
  oneOf,
  orNull,
  record,
  text,
  threeOf,
  wholeNumber,
  wholeNumberIn,
} from "./json-check.js";

const label = wholeNumberIn(0, 255);
const labels = listOf(label);

const namedLabels = listOf(record({ name: text, value: label }));

/** One network of a task, which knows some of the task's classes. */
const taskPart = record({
  model: about("The network's place in the manifest's models.", wholeNumber),
  labelMap: about(
    "The task's label for each label of the network, from label 0; 0 erases a label, as of auxiliary classes.",
    labels,
  ),
});

export type TaskPart = Checked<typeof taskPart>;

const ownFields = {
  task: about("The name of TotalSegmentator's task.", text),
  classes: about("The task's classes, without background.", namedLabels),
  spacingMmXyz: about(
    "The spacing that the case is resampled to before nnU-Net's own preprocessing; null for none.",
    orNull(threeOf(number)),
  ),
  stepSize: number,
  parts: about(
    "Run one after the other; a later part overwrites an earlier one where it is not background.",
    nonEmptyListOf(taskPart),
  ),
  postProcessing: about(
    "What the task does on the network's grid in any case: `body` keeps the largest trunk and large extremities, `vertebrae` gives bodies their labels in order.",
    orNull(oneOf(["body", "vertebrae"])),
  ),
  keepWithin: about(
    "Erases what is farther than this from these labels of the run that crops.",
    orNull(record({ labels, millimetres: number })),
  ),
};

/** How one of TotalSegmentator's tasks segments a case. */
export interface TaskRun extends Checked<ReturnType<typeof record<typeof ownFields>>> {
  /** The box that the networks see; null for the whole image. */
  readonly crop: TaskCrop | null;
  /** Cuts the enlarged labels to label 1 of another task; null for none. */
  readonly refinedBy: TaskRun | null;
}

/** The box around some classes of a rough segmentation. */
export interface TaskCrop {
  readonly by: TaskRun;
  readonly labels: readonly number[];
  readonly marginMmXyz: readonly [number, number, number];
}

const taskCrop: JsonCheck<TaskCrop> = record({
  by: named("taskRun", () => taskRun),
  labels,
  marginMmXyz: threeOf(number),
});

const taskRun: JsonCheck<TaskRun> = record({
  ...ownFields,
  crop: about(
    "The box around some classes of a rough segmentation; null for the whole image.",
    orNull(taskCrop),
  ),
  refinedBy: orNull(named("taskRun", () => taskRun)),
});

/** One of TotalSegmentator's tasks, with the rough models that options of a run need. */
export const taskPlan = record({
  mode: oneOf(["default", "fast", "fastest", "small"]),
  run: named("taskRun", () => taskRun),
  roughRun: about(
    "Finds the box of the classes that roi_subset names; null if the image holds no model for it.",
    orNull(named("taskRun", () => taskRun)),
  ),
  isRobust: about("True if the rough models have 3 mm, as robust_crop wants; false for 6 mm.", flag),
  bodyRun: about(
    "Finds the box of the body for body_seg; null if the image holds no model for it.",
    orNull(named("taskRun", () => taskRun)),
  ),
  bodyMarginMmXyz: threeOf(number),
  olderClasses: about("The classes of version 1 with its labels; null for other tasks.", orNull(namedLabels)),
});

export type TaskPlan = Checked<typeof taskPlan>;

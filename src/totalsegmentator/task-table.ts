import { nearest } from "../../processor/contract/nearest-name.js";
import { builderError } from "../ground/errors/builder-errors.js";
import table from "./tasks.json" with { type: "json" };

/** `small` has the resolution of the default mode, with smaller networks. */
export type TaskMode = "default" | "fast" | "fastest" | "small";

/** The networks of a task in one resolution. */
export interface TaskNetworks {
  /** The numbers of nnU-Net's datasets, in the order in which they run. */
  readonly datasets: readonly number[];
  readonly spacingMmXyz: readonly [number, number, number] | null;
  readonly trainer: string;
  /** Absent for nnUNetPlans. */
  readonly plans?: string;
}

type NamedLabel = readonly [value: number, name: string];

/** One of TotalSegmentator's tasks, as its version 2.18.0 defines it. */
export interface Task {
  readonly name: string;
  readonly modality: "ct" | "mr";
  /** True if the weights need a licence number. */
  readonly isLicensed: boolean;
  readonly modes: { readonly [M in TaskMode]?: TaskNetworks };
  readonly configuration: string;
  /** Empty for all that are there. */
  readonly folds: readonly string[];
  readonly crop: TaskCropRule | null;
  readonly keepWithin: { readonly classes: readonly string[]; readonly millimetres: number } | null;
  readonly bodyMarginMm: number;
  readonly classes: readonly NamedLabel[];
  /** Labels of the network that are erased. */
  readonly auxiliaryLabels: readonly number[];
}

export interface TaskCropRule {
  /** The classes of a rough segmentation whose box is cut out. */
  readonly classes: readonly string[];
  /** The task of the rough segmentation; null for the rough model of the whole body. */
  readonly task: string | null;
  readonly marginMm: number;
  /** True if the rough model has 3 mm in any case. */
  readonly isRobust: boolean;
}

/** A published network. */
export interface Weights {
  /** The name of its folder, and of its archive with the ending .zip. */
  readonly folder: string;
  /** The release with the archive; null if it is not there. */
  readonly release: string | null;
  readonly isLicensed: boolean;
}

type ByDataset<T> = Readonly<Record<string, T>>;

const tasks = table.tasks as readonly unknown[] as readonly Task[];
const datasets = table.datasets as ByDataset<unknown> as ByDataset<Weights>;
/** The classes of networks that know a part of a task's classes, by dataset and label. */
const parts = table.parts as ByDataset<unknown> as ByDataset<Readonly<Record<string, string>>>;

export const listTasks = (): readonly Task[] => tasks;

/** Returns the classes of the task total in TotalSegmentator's version 1. */
export const olderClasses = (): readonly NamedLabel[] =>
  table.olderClasses as readonly unknown[] as readonly NamedLabel[];

/** Returns the classes of a network by its labels; null if it has all classes of its task. */
export const partClasses = (dataset: number): Readonly<Record<string, string>> | null =>
  parts[dataset] ?? null;

export const weightsOf = (dataset: number): Weights => datasets[dataset]!;

const releases = "https://github.com/wasserth/TotalSegmentator/releases/download";

/**
 * Returns the address of a network's archive; null if there is none.
 *
 * @param mirror the address of a copy of the releases; null for the releases themselves
 */
export function weightsAddress(dataset: number, mirror: string | null = null): string | null {
  const { folder, release } = weightsOf(dataset);
  return release === null ? null : `${mirror ?? releases}/${release}/${folder}.zip`;
}

/** What `totalsegmentator:NAME` means. */
export interface ChosenTask {
  readonly task: Task;
  readonly mode: TaskMode;
}

/**
 * Returns the task of a name such as `total`, `total_fast` or `body_mr_fast`.
 *
 * @throws PRETRAINED_UNKNOWN for an unknown task, or a mode that it does not have
 */
export function chosenTask(name: string): ChosenTask {
  const exact = taskNamed(name);
  if (exact !== undefined) return { task: exact, mode: "default" };
  const [, stem = "", mode = ""] = /^(.*)_(fast|fastest|small)$/.exec(name) ?? [];
  const task = taskNamed(stem);
  if (task === undefined) throw unknownTask(name);
  if (task.modes[mode as TaskMode] === undefined)
    throw builderError(
      "PRETRAINED_UNKNOWN",
      `TotalSegmentator's task ${stem} has no mode ${mode}; it has ${modeNames(task).join(", ")}`,
    );
  return { task, mode: mode as TaskMode };
}

export const taskNamed = (name: string): Task | undefined => tasks.find((task) => task.name === name);

/** Returns the names of the tasks and modes that a dataset's network is for. */
export const tasksOfDataset = (folder: string): readonly string[] =>
  tasks.flatMap((task) =>
    modeNames(task).filter((name) => {
      const { mode } = chosenTask(name);
      return task.modes[mode]!.datasets.some((dataset) => weightsOf(dataset).folder === folder);
    }),
  );

/** Returns the folders of all networks. */
export const weightsFolders = (): readonly string[] => Object.values(datasets).map(({ folder }) => folder);

/** Returns the names of a task's modes, as `totalsegmentator:` takes them. */
export const modeNames = ({ name, modes }: Task): readonly string[] =>
  (["default", "fast", "fastest", "small"] as const)
    .filter((mode) => modes[mode] !== undefined)
    .map((mode) => (mode === "default" ? name : `${name}_${mode}`));

function unknownTask(name: string) {
  if (taskNamed("total")!.classes.some(([, known]) => known === name))
    return builderError(
      "PRETRAINED_UNKNOWN",
      `${name} is a class of TotalSegmentator's task total: use totalsegmentator:total with --roi-subset ${name}`,
    );
  const near = nearest(name, tasks.flatMap(modeNames));
  return builderError(
    "PRETRAINED_UNKNOWN",
    `TotalSegmentator has no task ${name}.${near === null ? "" : ` Did you mean ${near}?`}`,
  );
}

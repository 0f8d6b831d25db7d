import {
  chosenTask,
  listTasks,
  modeNames,
  type Task,
  type TaskMode,
  weightsAddress,
  weightsOf,
} from "./task-table.js";

/** A task in one mode, described as other published models are. */
export interface PublishedTask {
  /** As `--model-dir` takes it. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly nnunetVersion: 2;
  readonly title: string;
  readonly archives: readonly string[];
  readonly channels: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly licence: { readonly name: string; readonly url: string };
  readonly note: string | null;
}

/** Where a licence number for weights that are not free is had. */
const licencePage = "https://backend.totalsegmentator.com/license-academic/";

const prefix = "totalsegmentator:";

/** Returns all of TotalSegmentator's tasks in all modes. */
export const publishedTasks = (): readonly PublishedTask[] =>
  listTasks().flatMap((task) => modeNames(task).map(publishedTask));

/** @throws PRETRAINED_UNKNOWN */
export function publishedTask(name: string): PublishedTask {
  const { task, mode } = chosenTask(name);
  const { datasets } = task.modes[mode]!;
  return {
    name: `${prefix}${name}`,
    aliases: [],
    nnunetVersion: 2,
    title: titleOf(task, mode),
    archives: datasets.map((dataset) => weightsAddress(dataset) ?? withoutAddress(dataset)),
    channels: [task.modality === "mr" ? "MR" : "CT"],
    labels: Object.fromEntries(task.classes.map(([value, label]) => [String(value), label])),
    licence: task.isLicensed
      ? { name: "number needed", url: licencePage }
      : { name: "Apache-2.0", url: "https://github.com/wasserth/TotalSegmentator" },
    note: noteOf(task),
  };
}

function withoutAddress(dataset: number): string {
  const { folder, isLicensed } = weightsOf(dataset);
  return isLicensed ? `${folder} (with a licence number)` : `${folder} (not published)`;
}

function titleOf({ classes, modes }: Task, mode: TaskMode): string {
  const spacing = modes[mode]!.spacingMmXyz;
  const grid =
    spacing === null
      ? "own spacing"
      : `${[...new Set(spacing)].map((mm) => Number(mm.toFixed(3))).join(" × ")} mm`;
  const networks = mode === "small" ? ", smaller networks" : "";
  return `TotalSegmentator, ${classes.length === 1 ? "1 class" : `${classes.length} classes`}, ${grid}${networks}`;
}

function noteOf({ crop, isLicensed }: Task): string | null {
  const notes = [
    crop === null ? null : `It looks at a box around ${crop.classes.join(", ")} of a rough segmentation.`,
    isLicensed ? "A number for non-commercial use is free." : null,
  ].filter((note) => note !== null);
  return notes.length === 0 ? null : notes.join(" ");
}

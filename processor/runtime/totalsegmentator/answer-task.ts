import { answerClasses } from "../../contract/answer-labels.js";
import type { TaskPlan, TaskRun } from "../../contract/totalsegmentator-plan.js";
import type { ImageSource } from "../../imaging/volume/image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { coarseAnswer } from "./back-on-image.js";
import { segmentTask, type TaskAnswer, type TaskTools } from "./segment-task.js";
import { type ClassStatistics, classStatistics } from "./statistics.js";
import type { TaskImage } from "./task-image.js";

/** A case and what is to be done with it. */
export interface PlacedTask {
  readonly plan: TaskPlan;
  /** The plan's run with the user's options. */
  readonly run: TaskRun;
  readonly image: TaskImage;
}

/** The answer as it is written. */
export interface FinishedTask {
  readonly labelMap: LabelMap;
  /** The source of an image with the grid of the labels. */
  readonly source: ImageSource;
  /** Null if they are not wanted. */
  readonly statistics: Readonly<Record<string, ClassStatistics>> | null;
}

/** Segments a case, measures its classes, and gives the labels the grid and the numbers that the user wants. */
export async function answerTask(task: PlacedTask, tools: TaskTools): Promise<FinishedTask> {
  const { image, run } = task;
  const answer = await segmentTask(image, run, tools);
  const statistics = await statisticsOf(answer, task, tools);
  const isCoarse = tools.settings.saveLowres && answer.network !== null;
  const labelMap: LabelMap = isCoarse
    ? await coarseAnswer(answer.network!, tools.pool)
    : { voxels: answer.voxels, geometry: image.geometry };
  await relabelAsOlder(labelMap, task, tools);
  return { labelMap, statistics, source: isCoarse ? withoutHeader(image.source) : image.source };
}

/** Measures the classes on the networks' grid in the mode fast, as TotalSegmentator does, otherwise on the image's. */
async function statisticsOf(
  { voxels, network }: TaskAnswer,
  { plan, run, image }: PlacedTask,
  { settings, pool }: TaskTools,
): Promise<Readonly<Record<string, ClassStatistics>> | null> {
  if (settings.statistics === "off") return null;
  const options = {
    classes: answerClasses({ run, olderClasses: null }, settings),
    aggregation: settings.statisticsAggregation,
    includesIncomplete: settings.statisticsIncomplete,
    hasExtras: settings.statistics === "extra",
  };
  if (plan.mode === "fast" && network !== null) {
    const { sizeZyx, spacingMmZyx } = network.grid.geometry;
    const intensities = network.volume.channels;
    return classStatistics(
      { voxels: network.labels, sizeZyx },
      { ...options, intensities, spacingMmZyx },
      pool,
    );
  }
  const { headerSpacingMmZyx, voxels: intensities, geometry } = image;
  return classStatistics(
    { voxels, sizeZyx: geometry.sizeZyx },
    { ...options, intensities, spacingMmZyx: headerSpacingMmZyx },
    pool,
  );
}

async function relabelAsOlder(
  { voxels }: LabelMap,
  { plan: { olderClasses }, run }: PlacedTask,
  { settings, pool }: TaskTools,
): Promise<void> {
  if (!settings.olderLabels || olderClasses === null || !(voxels instanceof Uint8Array)) return;
  const labelMap = Array.from({ length: 256 }, (_, label) => {
    const name = run.classes.find(({ value }) => value === label)?.name;
    return olderClasses.find((older) => older.name === name)?.value ?? 0;
  });
  await pool.run("relabel", { labelMap, voxels: voxels as Uint8Array<SharedArrayBuffer> });
}

/** Returns the source of an image with another grid than the one that was read. */
const withoutHeader = ({ path }: ImageSource): ImageSource => ({ format: "nifti", path, nifti: null });

import type { TaskPart, TaskRun } from "../../contract/totalsegmentator-plan.js";
import type { TaskSettings } from "../../contract/totalsegmentator-settings.js";
import { zoomVolume } from "../../imaging/resampling/zoom-volume.js";
import { voxelCount } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import { type Box, wholeBox, wholeView } from "../../imaging/volume/grid-view.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { RuntimePool } from "../threads/kernels.js";
import { backOnImage } from "./back-on-image.js";
import { finishLabels } from "./finish-labels.js";
import type { Labels } from "./label-boxes.js";
import { boxAround, type TaskGrid, taskGrid } from "./task-grid.js";
import type { TaskImage } from "./task-image.js";

export interface TaskTools {
  readonly pool: RuntimePool;
  readonly settings: TaskSettings;
  /** Runs one network; the labels are on the volume's grid. */
  segmentPart(part: TaskPart, volume: CaseVolume, run: TaskRun): Promise<LabelMap>;
  /** Called if a rough segmentation has none of the classes to crop to. */
  onEmptyCrop(run: TaskRun): void;
}

/** The answer of a task. */
export interface TaskAnswer {
  /** On the grid of the image. */
  readonly voxels: Labels;
  /** What the networks saw and answered; null if the rough segmentation was empty. */
  readonly network: NetworkAnswer | null;
}

export interface NetworkAnswer {
  readonly grid: TaskGrid;
  readonly volume: CaseVolume;
  readonly labels: Labels;
}

/**
 * Segments a case as TotalSegmentator does: rough segmentation → box → RAS → resampling → networks → merged labels →
 * cleaning → back to the image.
 *
 * @param isRough true for a run whose answer only gives a box; options of the user do not change it
 */
export async function segmentTask(
  image: TaskImage,
  run: TaskRun,
  tools: TaskTools,
  isRough = false,
): Promise<TaskAnswer> {
  const rough = run.crop === null ? null : await segmentTask(image, run.crop.by, tools, true);
  const found = boxOf(image, run, rough);
  if (found === null) {
    tools.onEmptyCrop(run);
    // TotalSegmentator gives up only if the answer is to be written; a rough run sees the whole image instead.
    if (!isRough) return { voxels: newLabels(image.voxels.length), network: null };
  }
  const bodies = run.refinedBy === null ? null : await segmentTask(image, run.refinedBy, tools, true);
  const grid = taskGrid(image, found ?? wholeBox(image.geometry.sizeZyx), run.spacingMmXyz);
  const volume = await volumeOn(grid, image, { isCropped: run.crop !== null, tools });
  const labels = await segmentParts(run, volume, tools);
  const settings = isRough ? null : tools.settings;
  await finishLabels({ labels, grid, run, settings }, tools.pool);
  const voxels = await backOnImage({ labels, grid, image, settings }, tools.pool);
  await refine(voxels, { image, run, rough, bodies, tools });
  return { voxels, network: { grid, volume, labels } };
}

/** Returns the box that the networks see; null if there is nothing to crop to. */
function boxOf(image: TaskImage, { crop }: TaskRun, rough: TaskAnswer | null): Box | null {
  if (crop === null || rough === null) return wholeBox(image.geometry.sizeZyx);
  return boxAround({ ...image, voxels: rough.voxels }, crop.labels, crop.marginMmXyz);
}

interface VolumeOptions {
  readonly isCropped: boolean;
  readonly tools: Pick<TaskTools, "pool" | "settings">;
}

/** Brings the image onto the networks' grid. Cropping cuts values to whole numbers, and so does resampling. */
async function volumeOn(
  { view, geometry, isResampled }: TaskGrid,
  { voxels, source }: TaskImage,
  { isCropped, tools }: VolumeOptions,
): Promise<CaseVolume> {
  const channels = new Float32Array(new SharedArrayBuffer(voxelCount(geometry.sizeZyx) * 4));
  await zoomVolume(
    {
      input: voxels,
      from: view,
      output: channels,
      to: wholeView(geometry.sizeZyx),
      order: isResampled ? tools.settings.resamplingOrder : 0,
      cutsInput: isCropped,
      cutsOutput: isResampled,
    },
    tools.pool,
  );
  return { channels, channelCount: 1, geometry, source };
}

/** Runs the networks of a task one after the other, and merges their labels. */
async function segmentParts(run: TaskRun, volume: CaseVolume, tools: TaskTools): Promise<Labels> {
  const merged = newLabels(voxelCount(volume.geometry.sizeZyx));
  for (const part of run.parts) {
    const { voxels } = await tools.segmentPart(part, volume, run);
    await tools.pool.run("mergePart", { part: voxels, labelMap: part.labelMap, merged });
  }
  return merged;
}

interface Refining {
  readonly image: TaskImage;
  readonly run: TaskRun;
  readonly rough: TaskAnswer | null;
  readonly bodies: TaskAnswer | null;
  readonly tools: TaskTools;
}

/** The enlargement before labels are cut to another task's bodies. */
const refinedGrowthMm = 2;

/** Changes the answer on the image's own grid, in place. */
async function refine(voxels: Labels, { image, run, rough, bodies, tools }: Refining): Promise<void> {
  const { sizeZyx } = image.geometry;
  if (bodies !== null) {
    await tools.pool.run("cutToBodies", {
      voxels,
      sizeZyx,
      spacingMmZyx: image.headerSpacingMmZyx,
      millimetres: refinedGrowthMm,
      labels: run.classes.map(({ value }) => value),
      bodies: bodies.voxels,
    });
  }
  if (run.keepWithin !== null && rough !== null) {
    const [z, y, x] = image.headerSpacingMmZyx;
    const meanMm = Math.fround(Math.fround(Math.fround(x + y) + z) / 3);
    await tools.pool.run("keepWithin", {
      voxels,
      sizeZyx,
      rough: rough.voxels,
      roughLabels: run.keepWithin.labels,
      steps: Math.trunc(Math.fround(run.keepWithin.millimetres / meanMm)),
    });
  }
}

const newLabels = (count: number): Labels => new Uint8Array(new SharedArrayBuffer(count));

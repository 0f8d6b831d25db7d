import type { TaskSettings } from "../../contract/totalsegmentator-settings.js";
import { zoomVolume } from "../../imaging/resampling/zoom-volume.js";
import { type Axis, perAxis, voxelCount } from "../../imaging/volume/axes.js";
import { turnedView, wholeBox, wholeView } from "../../imaging/volume/grid-view.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { turnGeometry } from "../../imaging/volume/reorient.js";
import type { RuntimePool } from "../threads/kernels.js";
import type { Labels } from "./label-boxes.js";
import { inverseTurn, type TaskGrid } from "./task-grid.js";
import type { TaskImage } from "./task-image.js";

export interface BackOptions {
  readonly labels: Labels;
  readonly grid: TaskGrid;
  readonly image: TaskImage;
  /** Null for a rough run, which options do not change. */
  readonly settings: TaskSettings | null;
}

/** Brings labels of the networks' grid back to the image, with 0 around the box. */
export async function backOnImage(
  { labels, grid, image, settings }: BackOptions,
  pool: RuntimePool,
): Promise<Labels> {
  const voxels = new Uint8Array(new SharedArrayBuffer(voxelCount(image.geometry.sizeZyx)));
  const isSmooth = settings?.higherOrder === "labels" && grid.isResampled;
  const resized = isSmooth ? await smoothLabels(labels, grid, pool) : labels;
  const from = wholeView(isSmooth ? grid.view.sizeZyx : grid.geometry.sizeZyx);
  await zoomVolume(
    { input: resized, from, output: voxels, to: grid.view, order: 0, cutsInput: false, cutsOutput: false },
    pool,
  );
  return voxels;
}

async function smoothLabels(
  voxels: Labels,
  { geometry, view }: TaskGrid,
  pool: RuntimePool,
): Promise<Labels> {
  const output = new Uint8Array(new SharedArrayBuffer(voxelCount(view.sizeZyx)));
  await pool.run("zoomLabels", { voxels, sizeZyx: geometry.sizeZyx, toSizeZyx: view.sizeZyx, output });
  return output;
}

/** Returns the answer on the networks' grid, turned back to the image's axes. */
export async function coarseAnswer(
  { labels, grid: { geometry, turn } }: Pick<BackOptions, "labels" | "grid">,
  pool: RuntimePool,
): Promise<LabelMap> {
  const back = inverseTurn(turn);
  const sizeZyx = perAxis((axis) => geometry.sizeZyx[back.orderZyx[axis] as Axis]);
  const voxels = new Uint8Array(new SharedArrayBuffer(labels.length));
  await zoomVolume(
    {
      input: labels,
      from: wholeView(geometry.sizeZyx),
      output: voxels,
      to: turnedView(sizeZyx, wholeBox(sizeZyx), turn),
      order: 0,
      cutsInput: false,
      cutsOutput: false,
    },
    pool,
  );
  return { voxels, geometry: turnGeometry(geometry, back) };
}

import type { TaskRun } from "../../contract/totalsegmentator-plan.js";
import type { TaskSettings } from "../../contract/totalsegmentator-settings.js";
import type { RuntimePool } from "../threads/kernels.js";
import type { Labels } from "./label-boxes.js";
import type { TaskGrid } from "./task-grid.js";

export interface FinishLabelsOptions {
  /** Changed in place. */
  readonly labels: Labels;
  readonly grid: TaskGrid;
  readonly run: TaskRun;
  /** Null for a rough run, which options do not change. */
  readonly settings: TaskSettings | null;
}

const bodyTrunk = 1;
const bodyExtremities = 2;
const smallestExtremityMm3 = 50_000;

/** Applies a task's own post-processing on the networks' grid, and removes small parts if the user wants it. */
export async function finishLabels(
  { labels, grid, run, settings }: FinishLabelsOptions,
  pool: RuntimePool,
): Promise<void> {
  const { sizeZyx, spacingMmZyx } = grid.geometry;
  const volume = { voxels: labels, sizeZyx };
  const voxelMm3 = spacingMmZyx.reduceRight((product, size) => Math.fround(product * Math.fround(size)), 1);
  const removeUpTo = (mm3: number, of: readonly number[] | null) =>
    pool.run("removeSmallParts", { ...volume, labels: of, mostVoxels: Math.fround(mm3 / voxelMm3) });
  if (run.postProcessing === "body") {
    await pool.run("keepLargestPart", { ...volume, label: bodyTrunk });
    await removeUpTo(smallestExtremityMm3, [bodyExtremities]);
  }
  if (run.postProcessing === "vertebrae") {
    const labelOf = (name: string): number => run.classes.find((one) => one.name === name)?.value ?? 0;
    await pool.run("orderVertebrae", {
      ...volume,
      voxelMm3,
      spacingMmZyx,
      labels: {
        all: run.classes.map(({ value }) => value),
        c1: labelOf("vertebrae_C1"),
        l5: labelOf("vertebrae_L5"),
      },
    });
  }
  const smallest = settings?.removeSmallBlobs ?? null;
  if (smallest !== null) await removeUpTo(smallest, null);
  const wanted = settings?.roiSubset ?? null;
  if (wanted !== null) {
    const kept = run.classes.filter(({ name }) => wanted.includes(name)).map(({ value }) => value);
    await pool.run("relabel", { labelMap: keepingOnly(kept), voxels: labels });
  }
}

const keepingOnly = (kept: readonly number[]): readonly number[] =>
  Array.from({ length: 256 }, (_, label) => (kept.includes(label) ? label : 0));

import { perAxis, voxelCount } from "../../imaging/volume/axes.js";
import { gaussianImportance } from "./gaussian.js";
import { LabelSums } from "./label-sums.js";
import { unflipped } from "./mirrorings.js";
import { monaiImportance } from "./monai-windows.js";
import type { OutputSink } from "./output-sink.js";
import type { Window } from "./window-passes.js";
import { type WindowGrid, windowCount } from "./window-rows.js";
import type { SumsShape } from "./window-sums.js";
import type { PredictTask } from "./worker-messages.js";

/** What becomes of the outputs of a case's windows. */
export interface WindowOutput extends Pick<OutputSink, "add" | "settle"> {
  /** The windows of each row, with their corners on the sums. */
  readonly rows: readonly (readonly Window[])[];
  /** Called when all outputs of the next windows have been added. */
  windowsDone(count: number): void;
  /** Called after the last window of a row. */
  rowDone(row: number): void;
}

/** Sends slices of all heads, row by row. */
export function slabOutput(
  task: PredictTask,
  grid: WindowGrid,
  openSink: (shape: SumsShape) => OutputSink,
): WindowOutput {
  const { patchZyx } = grid;
  const depth = Math.max(patchZyx[0], ...grid.rows.map(({ zStart, zEnd }) => zEnd - zStart));
  const sink = openSink({
    heads: task.heads,
    patchZyx,
    sizeZyx: [depth, task.sizeZyx[1], task.sizeZyx[2]],
    importance: importanceOf(task, grid),
  });
  const [beforeZ] = grid.paddingBeforeZyx;
  const rows = windowsOf(grid, ({ zStart }) => zStart);
  return {
    rows,
    add: (outputs, heads) => sink.add(outputs, heads),
    settle: () => sink.settle(),
    windowsDone() {},
    rowDone(row) {
      const { zStart, finalBefore } = grid.rows[row]!;
      sink.addWeights(rows[row]!.map(({ onSums }) => onSums));
      // Padding before and after the volume is not part of the output.
      const from = Math.max(zStart, beforeZ);
      const to = Math.min(finalBefore, beforeZ + task.sizeZyx[0]);
      if (to > from) sink.finish(from - zStart, to - zStart, from - beforeZ);
      sink.advance(finalBefore - zStart);
    },
  };
}

/** Writes labels into the task's label map, window by window. */
export function labelOutput(task: PredictTask, grid: WindowGrid): WindowOutput {
  const { patchZyx, paddingBeforeZyx } = grid;
  const rows = windowsOf(grid, () => paddingBeforeZyx[0]);
  const corners = rows.flat().map(({ onSums }) => onSums);
  const sums = new LabelSums({
    heads: task.heads,
    patchZyx,
    sizeZyx: task.sizeZyx,
    startsZyx: perAxis((axis) => [...new Set(corners.map((corner) => corner[axis]))]),
    importance: importanceOf(task, grid),
    target: task.labels!,
  });
  return {
    rows,
    add({ values, flip, ...outputs }, heads) {
      if (heads !== null || flip.join() !== unflipped.join() || !(values instanceof Float32Array))
        throw new Error("labels are made of float32 outputs of all heads, without mirroring");
      sums.add({ ...outputs, values });
    },
    windowsDone(count) {
      for (let i = 0; i < count; i++) sums.complete();
    },
    rowDone() {},
    settle() {},
  };
}

/** Returns the windows of each row. */
function windowsOf(
  { rows, paddingBeforeZyx: [beforeZ, beforeY, beforeX] }: WindowGrid,
  firstSlice: (row: WindowGrid["rows"][number]) => number,
): readonly (readonly Window[])[] {
  return rows.map((row) =>
    row.starts.map(
      ([z, y, x]): Window => ({
        onVolume: [z - beforeZ, y - beforeY, x - beforeX],
        onSums: [z - firstSlice(row), y - beforeY, x - beforeX],
      }),
    ),
  );
}

function importanceOf({ plan }: PredictTask, grid: WindowGrid): Float32Array {
  const isWeighted = windowCount(grid) > 1 || plan.gaussianForSingleWindow;
  if (!isWeighted) return new Float32Array(voxelCount(grid.patchZyx)).fill(1);
  const { patchSize, averaging, nvidia, monai } = plan;
  const rules = nvidia ?? monai;
  if (rules !== undefined) return monaiImportance(patchSize, rules.blend);
  return gaussianImportance(patchSize, averaging === "logits" ? "half" : "single");
}

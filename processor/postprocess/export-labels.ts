import { ProcessorError } from "../errors.js";
import type { LogitSlab, LogitStream } from "../inference/logit-slab.js";
import type { InferencePlan, LabelDefinition } from "../model/manifest.js";
import { splitRange, type WorkerPool } from "../parallel/worker-pool.js";
import type { PreprocessHistory } from "../preprocess/prepared.js";
import { type AxisTable, linearTable, nearestTable } from "../resampling/axis-table.js";
import { separateAxis } from "../resampling/separate-axis.js";
import { voxelCount, type Zyx } from "../volume/axes.js";
import type { LabelMap } from "../volume/label-map.js";
import type { SlabWindow } from "./blend-slices.js";
import type { ExportTarget } from "./export-slices.js";

/** Takes probabilities slice by slice, on the cropped and transposed image grid. */
export interface ProbabilitySink {
  /** @param planes `head × y × x` of slice `z`; valid until the promise resolves */
  writeSlice(z: number, planes: Float32Array): Promise<void>;
}

export interface ExportOptions {
  readonly history: PreprocessHistory;
  readonly plan: InferencePlan;
  readonly labels: LabelDefinition;
  readonly pool: WorkerPool;
  readonly probabilities: ProbabilitySink | null;
}

/**
 * nnU-Net's export, slab by slab: resample the logits to the cropped image's grid, take the largest (or paint the
 * regions), put the result into the uncropped volume and turn its axes back.
 *
 * Memory holds the slab at hand, one slice before it and the label map: it does not grow with classes × volume.
 */
export async function exportLabels(stream: LogitStream, options: ExportOptions): Promise<LabelMap> {
  const { history, labels, pool } = options;
  const tables = axisTables(stream.sizeZyx, options);
  const target = exportTarget(options);
  const sliceValues = stream.heads * stream.sizeZyx[1] * stream.sizeZyx[2];
  const lastSlice = new Float32Array(new SharedArrayBuffer(sliceValues * 4));
  let window: SlabWindow | null = null;
  let done = 0;
  for await (const slab of stream.slabs) {
    window = { zStart: slab.zStart, values: slab.values, previous: window === null ? null : lastSlice };
    const ready = readySlices(tables[0], done, slab);
    const source = {
      ...{ window, heads: stream.heads, tables },
      ...{ networkRows: stream.sizeZyx[1], networkColumns: stream.sizeZyx[2] },
    };
    const painting = {
      ...source,
      target,
      regionsClassOrder: labels.regionsClassOrder,
      regionThreshold: stream.kind === "logits" ? 0 : 0.5,
    };
    const parts = ready > done ? splitRange(ready - done, pool.size) : [];
    await Promise.all(
      parts.map(({ from, to }) =>
        pool.run("exportSlices", { ...painting, slices: { from: done + from, to: done + to } }),
      ),
    );
    if (options.probabilities !== null) {
      const planeBytes = stream.heads * tables[1].lower.length * tables[2].lower.length * 4;
      const output = new Float32Array(new SharedArrayBuffer(planeBytes));
      for (let z = done; z < ready; z++) {
        await pool.run("probabilitySlice", {
          ...source,
          z,
          nonlinearity: nonlinearityOf(stream, labels),
          output,
        });
        await options.probabilities.writeSlice(z, output);
      }
    }
    done = ready;
    lastSlice.set(slab.values.subarray((slab.sizeZyx[0] - 1) * sliceValues, slab.sizeZyx[0] * sliceValues));
  }
  if (done !== history.sizeAfterCroppingZyx[0]) {
    throw new Error(`the network's answer ended at slice ${done} of ${history.sizeAfterCroppingZyx[0]}`);
  }
  return { voxels: target.voxels, geometry: history.originalGeometry };
}

const nonlinearityOf = (stream: LogitStream, labels: LabelDefinition): "softmax" | "sigmoid" | "none" =>
  stream.kind === "probabilities" ? "none" : labels.regionsClassOrder === null ? "softmax" : "sigmoid";

/** Output slices whose network slices have all arrived. */
function readySlices(table: AxisTable, done: number, slab: LogitSlab): number {
  const end = slab.zStart + slab.sizeZyx[0];
  let ready = done;
  while (ready < table.upper.length && table.upper[ready]! < end) ready++;
  return ready;
}

function axisTables(networkSizeZyx: Zyx, { plan, history }: ExportOptions): Zyx<AxisTable> {
  const rule = plan.resampleProbabilities;
  const imageSizeZyx = history.sizeAfterCroppingZyx;
  const isTorch = rule.method === "torch";
  const apart = separateAxis({
    forceSeparateZ: rule.forceSeparateZ,
    currentSpacingMmZyx: history.networkSpacingMmZyx,
    newSpacingMmZyx: history.originalSpacingMmZyx,
  });
  return ([0, 1, 2] as const).map((axis) => {
    const order = axis === apart ? (isTorch ? 0 : rule.orderZ) : isTorch ? 1 : rule.order;
    if (order !== 0 && order !== 1) {
      throw new ProcessorError(
        "PLANS_UNSUPPORTED",
        `resampling of logits by order ${order}; known are 0 and 1`,
      );
    }
    const table = order === 0 ? nearestTable : linearTable;
    return table(networkSizeZyx[axis], imageSizeZyx[axis]);
  }) as unknown as Zyx<AxisTable>;
}

function exportTarget({ history, plan, labels }: ExportOptions): ExportTarget & Pick<LabelMap, "voxels"> {
  const { sizeZyx } = history.originalGeometry;
  const isSmall = labels.foregroundLabels.length < 255;
  const buffer = new SharedArrayBuffer(voxelCount(sizeZyx) * (isSmall ? 1 : 2));
  const strides = [sizeZyx[1] * sizeZyx[2], sizeZyx[2], 1] as const;
  const strideZyx = plan.transposeForward.map((axis) => strides[axis as 0 | 1 | 2]) as unknown as Zyx;
  return {
    voxels: isSmall ? new Uint8Array(buffer) : new Uint16Array(buffer),
    start: history.cropBoxZyx.reduce((sum, [from], axis) => sum + from * strideZyx[axis as 0 | 1 | 2], 0),
    strideZyx,
  };
}

import type { ImagingPool } from "../kernels.js";
import { type Range, splitRange } from "../threads/split-range.js";
import { perAxis, voxelCount, type Zyx } from "../volume/axes.js";
import { distinctLabels } from "../volume/distinct-labels.js";
import type { ResizeOptions } from "./resample-volume.js";
import { coefficientSize, type SplineCoefficientsTask } from "./spline-coefficients.js";
import type { Election } from "./spline-votes.js";

type Labels = Int16Array<SharedArrayBuffer>;

export interface SplineLabelsOptions extends ResizeOptions {
  /** `largest` resizes the plane (or the volume) with `order`, `majority` resizes the separate axis with `orderZ`. */
  readonly election: Election["kind"];
}

/** Resizes a label map by a spline for each label's indicator. It needs memory for two float64 volumes. */
export async function resizeLabelsBySpline(labels: Labels, options: SplineLabelsOptions): Promise<Labels> {
  const { fromSizeZyx, toSizeZyx, pool } = options;
  const orderZyx = ordersOf(options);
  const spline = newSpline(labels, { ...options, orderZyx });
  const best = new Float64Array(shared(options.election === "largest" ? voxelCount(toSizeZyx) * 8 : 0));
  const output = new Int16Array(shared(voxelCount(toSizeZyx) * 2));
  let isFirst = true;
  for (const label of distinctLabels(labels)) {
    await pool.run("splineCoefficients", { ...spline, label });
    const { minimum, maximum, apart, coefficients } = spline;
    const election: Election =
      options.election === "majority"
        ? { kind: "majority" }
        : { kind: "largest", input: labels, isFirst, apart, minimum, maximum, best };
    const task = { coefficients, fromSizeZyx, toSizeZyx, orderZyx, label, output, election };
    await inSlices(toSizeZyx, pool, (slices) => pool.run("splineVotes", { ...task, slices }));
    isFirst = false;
  }
  return output;
}

/**
 * Returns the spline's orders. scipy's `map_coordinates` filters all three axes, although two keep their size;
 * skimage's `resize` gets single slices.
 */
function ordersOf({ rule, apart, election }: SplineLabelsOptions): Zyx {
  if (election === "majority") return [rule.orderZ, rule.orderZ, rule.orderZ];
  return perAxis((axis) => (axis === apart ? 0 : rule.order));
}

type Spline = Omit<SplineCoefficientsTask, "label">;

function newSpline(
  labels: Labels,
  { fromSizeZyx, orderZyx, apart, election }: SplineLabelsOptions & { readonly orderZyx: Zyx },
): Spline {
  const groupedBy = election === "largest" ? apart : null;
  const groups = groupedBy === null ? 1 : fromSizeZyx[groupedBy];
  return {
    labels,
    sizeZyx: fromSizeZyx,
    orderZyx,
    apart: groupedBy,
    coefficients: new Float64Array(shared(voxelCount(coefficientSize(fromSizeZyx, orderZyx)) * 8)),
    minimum: new Uint8Array(shared(groups)),
    maximum: new Uint8Array(shared(groups)),
  };
}

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);

async function inSlices(
  [slices]: Zyx,
  pool: ImagingPool,
  run: (range: Range) => Promise<void>,
): Promise<void> {
  await Promise.all(splitRange(slices, pool.size).map(run));
}

import type { Resampling } from "../../contract/manifest.js";
import type { Zyx } from "../volume/axes.js";

/** The interpolation of one axis: a spline of order 0 to 5 as in scipy, or a mode of torch's `interpolate`. */
export type AxisRule =
  | { readonly by: "scipy"; readonly order: number }
  | {
      readonly by: "torch";
      readonly mode: "nearest-exact" | "linear";
      readonly rounding: CoordinateRounding;
    };

/**
 * The number of times that a coordinate is rounded. torch computes coordinates in float32: its kernel for channels-last
 * images rounds `scale × (i + 0.5) − 0.5` once (a fused multiply-add), and its general kernel also rounds the product.
 */
export type CoordinateRounding = "fused" | "twice";

export interface AxisRulesQuestion {
  readonly rule: Resampling;
  /** The axis that is resampled separately from the other two; null if all three are resampled together. */
  readonly apart: 0 | 1 | 2 | null;
  readonly toSizeZyx: Zyx;
}

/** Returns the rule of each axis. A separate axis follows `orderZ`; with torch's method, it takes the nearest slice. */
export function axisRules({ rule, apart, toSizeZyx }: AxisRulesQuestion): Zyx<AxisRule> {
  const ruleOf = (axis: 0 | 1 | 2): AxisRule => {
    if (rule.method !== "torch") return { by: "scipy", order: axis === apart ? rule.orderZ : rule.order };
    if (axis === apart) return { by: "torch", mode: "nearest-exact", rounding: "fused" };
    const isSmall = apart !== null && isSmallPlane(toSizeZyx, apart);
    return { by: "torch", mode: "linear", rounding: isSmall ? "fused" : "twice" };
  };
  return [ruleOf(0), ruleOf(1), ruleOf(2)];
}

/**
 * The largest sum of height and width for which torch uses its channels-last kernel in 2-D
 * (`_use_vectorized_kernel_cond_2d`).
 */
const smallPlane = 128;

/** Returns whether torch interpolates the two axes in the plane with its kernel for small outputs. */
export const isSmallPlane = (sizeZyx: Zyx, apart: 0 | 1 | 2): boolean =>
  sizeZyx[0] + sizeZyx[1] + sizeZyx[2] - sizeZyx[apart] <= smallPlane;

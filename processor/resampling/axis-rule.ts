import type { Resampling } from "../model/manifest.js";
import type { Zyx } from "../volume/axes.js";

/** How one axis is interpolated: a spline of scipy's, order 0 to 5, or what torch's `interpolate` does. */
export type AxisRule =
  | { readonly by: "scipy"; readonly order: number }
  | {
      readonly by: "torch";
      readonly mode: "nearest-exact" | "linear";
      readonly rounding: CoordinateRounding;
    };

/**
 * torch computes coordinates in float32. Its kernel for channels-last images rounds `scale × (i + 0.5) − 0.5` once (a
 * fused multiply-add), its general one after the product as well.
 */
export type CoordinateRounding = "fused" | "twice";

export interface AxisRulesQuestion {
  readonly rule: Resampling;
  /** The axis that is resampled apart from the other two; null for none. */
  readonly apart: 0 | 1 | 2 | null;
  readonly toSizeZyx: Zyx;
}

/** The rule of each axis. The one that goes apart follows `orderZ`, and in torch is taken from the nearest slice. */
export function axisRules({ rule, apart, toSizeZyx }: AxisRulesQuestion): Zyx<AxisRule> {
  const ruleOf = (axis: 0 | 1 | 2): AxisRule => {
    if (rule.method !== "torch") return { by: "scipy", order: axis === apart ? rule.orderZ : rule.order };
    if (axis === apart) return { by: "torch", mode: "nearest-exact", rounding: "fused" };
    const isSmall = apart !== null && isSmallPlane(toSizeZyx, apart);
    return { by: "torch", mode: "linear", rounding: isSmall ? "fused" : "twice" };
  };
  return [ruleOf(0), ruleOf(1), ruleOf(2)];
}

/** torch takes its channels-last kernel for 2-D outputs up to this (`_use_vectorized_kernel_cond_2d`). */
const smallPlane = 128;

/** Whether torch interpolates the two axes in the plane with its kernel for small outputs. */
export const isSmallPlane = (sizeZyx: Zyx, apart: 0 | 1 | 2): boolean =>
  sizeZyx[0] + sizeZyx[1] + sizeZyx[2] - sizeZyx[apart] <= smallPlane;

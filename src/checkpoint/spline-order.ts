import { sharedError } from "../../processor/contract/shared-errors.js";
import type { Field } from "./fields.js";

/**
 * Reads the order of a spline from plans. scipy supports 0 to 5.
 *
 * @throws PLANS_UNSUPPORTED
 */
export function splineOrder(field: Field): number {
  const order = field.integer();
  if (order >= 0 && order <= 5) return order;
  throw sharedError(
    "PLANS_UNSUPPORTED",
    `${field.path} must be 0 to 5, the orders of scipy's splines, but is ${order}`,
  );
}

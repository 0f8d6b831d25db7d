import { ProcessorError } from "../../processor/errors.js";
import type { Field } from "./fields.js";

/**
 * The order of a spline by which plans resample: what scipy has.
 *
 * @throws PLANS_UNSUPPORTED
 */
export function splineOrder(field: Field): number {
  const order = field.integer();
  if (order >= 0 && order <= 5) return order;
  throw new ProcessorError(
    "PLANS_UNSUPPORTED",
    `${field.path} is ${order}; the order of a spline must be 0 to 5`,
  );
}

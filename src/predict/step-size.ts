import { sharedError } from "../../processor/contract/shared-errors.js";

/** @throws USAGE if the step between windows is out of range */
export function checkStepSize(stepSize: number): void {
  if (!(stepSize > 0 && stepSize <= 1))
    throw sharedError("USAGE", `--step-size must be greater than 0 and at most 1, but is ${stepSize}`);
}

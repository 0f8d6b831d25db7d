import { sharedError } from "../../processor/contract/shared-errors.js";
import { checkStepSize } from "../predict/step-size.js";

interface WindowArguments {
  readonly "use-tta"?: boolean | undefined;
  readonly "disable-tta": boolean;
  readonly "step-size"?: number | undefined;
}

/** The mirroring and the step between windows that a command line asks for; undefined if it does not. */
export interface WindowChoices {
  readonly useTta: boolean | undefined;
  readonly stepSize: number | undefined;
}

/** @throws USAGE for a step out of range, and for options that contradict each other */
export function windowChoices(args: WindowArguments): WindowChoices {
  const { "use-tta": useTta, "disable-tta": disableTta, "step-size": stepSize } = args;
  if (useTta === true && disableTta)
    throw sharedError("USAGE", "--use-tta and --disable-tta cannot be used together");
  if (stepSize !== undefined) checkStepSize(stepSize);
  return { useTta: disableTta ? false : useTta, stepSize };
}

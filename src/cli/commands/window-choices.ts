import { ProcessorError } from "../../../processor/errors.js";

interface WindowArguments {
  readonly "use-tta"?: boolean | undefined;
  readonly "disable-tta": boolean;
  readonly "step-size"?: number | undefined;
}

/** What a command line says about mirroring and the step between windows; undefined where it says nothing. */
export interface WindowChoices {
  readonly useTta: boolean | undefined;
  readonly stepSize: number | undefined;
}

/** @throws USAGE for a step out of range and for words that contradict each other */
export function windowChoices(args: WindowArguments): WindowChoices {
  const { "use-tta": useTta, "disable-tta": disableTta, "step-size": stepSize } = args;
  if (useTta === true && disableTta)
    throw new ProcessorError("USAGE", "--use-tta and --disable-tta exclude each other");
  if (stepSize !== undefined && !(stepSize > 0 && stepSize <= 1))
    throw new ProcessorError("USAGE", `--step-size ${stepSize} is not above 0 and at most 1`);
  return { useTta: disableTta ? false : useTta, stepSize };
}

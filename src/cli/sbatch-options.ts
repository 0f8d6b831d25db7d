import { sharedError } from "../../processor/contract/shared-errors.js";

interface SbatchArguments {
  readonly partition?: string | undefined;
  readonly gres?: string | undefined;
  readonly time?: string | undefined;
  readonly mem?: string | undefined;
  readonly sbatch?: readonly string[] | undefined;
}

/**
 * Returns the options for sbatch that flags name.
 *
 * @throws USAGE
 */
export function sbatchOptions({ partition, gres, time, mem, sbatch }: SbatchArguments): readonly string[] {
  const named = Object.entries({ partition, gres, time, mem });
  const options = [
    ...named.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...(sbatch ?? []),
  ];
  const broken = options.find((option) => !/^--[\w-]+(?:=[^\n\r]*)?$/.test(option));
  if (broken !== undefined)
    throw sharedError(
      "USAGE",
      `--sbatch takes options in the form --name=value, not ${JSON.stringify(broken)}`,
    );
  return options;
}

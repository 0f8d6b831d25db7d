import { sharedError } from "../../contract/shared-errors.js";

/** The variable that names a queue's Redis, so that a password is not in the list of processes. */
export const redisVariable = "REDIS_URL";

/** @throws USAGE if neither --redis nor the variable names one */
export function redisAddress(
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const address = given ?? environment[redisVariable];
  if (address === undefined || address === "")
    throw sharedError(
      "USAGE",
      `--redis is missing; it or the variable ${redisVariable} names the queue's Redis`,
    );
  return address;
}

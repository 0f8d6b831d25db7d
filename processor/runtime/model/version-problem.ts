/**
 * Returns why this processor cannot read the version of a file; null if it can.
 *
 * @param version any value that JSON can hold, but only numbers are shown in the message
 */
export function versionProblem(version: unknown): string | null {
  if (version === 1) return null;
  return typeof version === "number"
    ? `its version is ${version}, but this processor reads version 1`
    : "its version is missing or not a number, but this processor reads version 1";
}

/**
 * Returns why a file is not of the version that this processor reads; null if it is.
 *
 * @param version as the file has it: anything that JSON can hold, of which only a number is worth showing
 */
export function versionProblem(version: unknown): string | null {
  if (version === 1) return null;
  return typeof version === "number"
    ? `its version is ${version}, this processor reads 1`
    : "its version is missing or not a number, this processor reads 1";
}

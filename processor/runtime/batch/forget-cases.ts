import { nearest } from "../../contract/nearest-name.js";
import { sharedError } from "../../contract/shared-errors.js";
import { readBatchFile, readOwnManifest } from "./batch-file.js";
import type { BatchFolder } from "./batch-folder.js";
import { readRecord, removeRecord } from "./case-record.js";

/**
 * Forgets what became of cases, so that the next run computes them again.
 *
 * @param names null for all failed cases
 * @returns the names of the forgotten cases
 * @throws BATCH_NOT_FOUND; USAGE for a name that is not in the batch
 */
export async function forgetCases(
  folder: BatchFolder,
  names: readonly string[] | null,
): Promise<readonly string[]> {
  const { cases } = await readOwnManifest(folder, await readBatchFile(folder));
  const known = cases.map(({ name }) => name);
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const near = nearest(unknown, known);
    throw sharedError(
      "USAGE",
      `${folder.root} has no case ${unknown}; ${near === null ? `it has ${someNames(known)}` : `did you mean ${near}?`}`,
    );
  }
  const forgotten: string[] = [];
  for (const name of names ?? known) {
    const record = await readRecord(folder, name);
    if (record === null || (names === null && record.state === "done")) continue;
    await removeRecord(folder, name);
    forgotten.push(name);
  }
  return forgotten;
}

const namesShown = 10;

const someNames = (names: readonly string[]): string =>
  `${names.slice(0, namesShown).join(", ")}${names.length > namesShown ? ` and ${names.length - namesShown} more` : ""}`;

import { join } from "node:path";

/** The places in the output folder of a batch. Any number of processes and machines may share the folder. */
export interface BatchFolder {
  readonly root: string;
  readonly segmentations: string;
  /** Holds the model, options and manifest of the batch. */
  readonly batchFile: string;
  /** A copy of the manifest. */
  readonly manifestFile: string;
  /** Its presence stops the batch. */
  readonly cancelFile: string;
  readonly records: string;
  readonly claims: string;
  recordFile(name: string): string;
  claimFile(name: string): string;
}

export function batchFolder(root: string): BatchFolder {
  const records = join(root, "cases");
  const claims = join(root, "claims");
  return {
    root,
    segmentations: join(root, "segmentations"),
    batchFile: join(root, "batch.json"),
    manifestFile: join(root, "cases.jsonl"),
    cancelFile: join(root, "cancelled"),
    records,
    claims,
    recordFile: (name) => join(records, `${name}.json`),
    claimFile: (name) => join(claims, `${name}.lock`),
  };
}

import { createHash } from "node:crypto";
import { type Checked, oneOf, record, text } from "../../contract/json-check.js";
import type { OpenedBatch } from "../batch/open-batch.js";

/** The queue, unless a user names another. */
export const defaultQueue = "nnunet";

/** What a job of the queue says: everything else is in the batch's folder. */
export const caseJob = record({ kind: oneOf(["batch-case"]), folder: text, case: text });

export type CaseJob = Checked<typeof caseJob>;

/** Returns the id of a case's job, which is the same each time that the case is submitted. */
export function jobIdOf({ folder, file, run }: OpenedBatch, name: string): string {
  const batch = createHash("sha256")
    .update(JSON.stringify([folder.root, file.manifestDigest, run]))
    .digest("hex");
  // BullMQ separates the parts of its keys by colons.
  return `${batch.slice(0, 32)}-${encodeURIComponent(name)}`;
}

import { rm } from "node:fs/promises";
import { writeFileWhole } from "../../files/write-file.js";
import type { BatchFolder } from "./batch-folder.js";

/** Asks all processes of a batch to stop. */
export const writeCancelMark = ({ cancelFile }: BatchFolder): Promise<void> =>
  writeFileWhole(cancelFile, [Buffer.from(`${new Date().toISOString()}\n`)]);

/** Lets a batch go on. */
export const removeCancelMark = ({ cancelFile }: BatchFolder): Promise<void> =>
  rm(cancelFile, { force: true });

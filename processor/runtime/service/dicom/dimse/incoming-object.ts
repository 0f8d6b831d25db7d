import { type FileHandle, open, rm } from "node:fs/promises";
import { ProcessorError } from "../../../../contract/errors.js";
import { fileHeader, type HeaderFacts } from "../../../../dicom-objects/file-header.js";
import { isDiskFull } from "../../../../files/disk-error.js";
import type { InstanceStore } from "../store/instance-store.js";
import { isUid, readInstance } from "../store/read-instance.js";

export interface IncomingOptions {
  readonly store: InstanceStore;
  readonly maxBytes: number;
  readonly header: HeaderFacts;
}

/** An object that arrives in pieces, which go to the disk as they come. */
export interface IncomingObject {
  write(bytes: Uint8Array): Promise<void>;
  /** Puts the object into the store, and returns the status of C-STORE (PS3.4, B.2.3). */
  finish(): Promise<number>;
  discard(): Promise<void>;
}

const success = 0;
/** The refusals of C-STORE; the object is read to its end before one is answered. */
const statuses = { full: 0xa700, mismatch: 0xa900, unreadable: 0xc000, taken: 0x0111 };

export async function openIncoming({ store, maxBytes, header }: IncomingOptions): Promise<IncomingObject> {
  const path = store.newPath();
  const hasUids = isUid(header.sopClassUid) && isUid(header.sopInstanceUid);
  let refusal = hasUids ? null : statuses.unreadable;
  let file: FileHandle | null = null;
  let length = 0;
  const close = async (): Promise<void> => {
    const open = file;
    file = null;
    await open?.close();
  };
  const keep = async (write: () => Promise<unknown>): Promise<void> => {
    if (refusal !== null) return;
    await write().catch((error: unknown) => {
      if (!isDiskFull(error)) throw error;
      refusal = statuses.full;
    });
  };
  const discard = async (): Promise<void> => {
    await close();
    await rm(path, { force: true });
  };
  await keep(async () => {
    file = await open(path, "wx", 0o600);
    await file.writeFile(fileHeader(header));
  });
  return {
    discard,
    async write(bytes) {
      length += bytes.length;
      if (length > maxBytes) refusal ??= statuses.full;
      await keep(() => file!.writeFile(bytes));
    },
    async finish() {
      try {
        await close();
        if (refusal !== null) return refusal;
        const facts = await readInstance(path);
        const isOther =
          facts.sopClassUid !== header.sopClassUid || facts.uids.instance !== header.sopInstanceUid;
        if (isOther) return statuses.mismatch;
        await store.take(path, facts);
        return success;
      } catch (error) {
        if (!(error instanceof ProcessorError)) throw error;
        return statusOf(error.code);
      } finally {
        await discard();
      }
    },
  };
}

function statusOf(code: string): number {
  if (code === "DICOM_UID_TAKEN") return statuses.taken;
  return code === "DICOM_STORE_FULL" || code === "DISK_FULL" ? statuses.full : statuses.unreadable;
}

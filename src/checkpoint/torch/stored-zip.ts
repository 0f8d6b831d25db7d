import { type Entry, fromRandomAccessReaderPromise } from "yauzl";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { ByteRange } from "../../../processor/files/zip/byte-range.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { TorchBytes } from "./torch-bytes.js";

/**
 * The members of a zip file that torch wrote. They are stored without compression, so they can be read in
 * place.
 */
export interface StoredZip {
  readonly members: ReadonlyMap<string, StoredMember>;
  /** Reads a whole member, up to `maxBytes`. */
  readMember(member: StoredMember, maxBytes: number): Promise<Uint8Array>;
}

export interface StoredMember {
  readonly name: string;
  /** Offset of the member's data from the start of the checkpoint. */
  readonly byteOffset: number;
  readonly byteLength: number;
  /** False for a member that is compressed or encrypted, as the code in TorchScript is. */
  readonly isPlain: boolean;
}

/** torch writes one member per storage. The largest networks have a few thousand. */
const maxMembers = 200_000;

/**
 * Reads the directory of a torch zip file. Throws CHECKPOINT_REFUSED or CHECKPOINT_UNSUPPORTED for members
 * that are compressed or encrypted, that overlap or that extend beyond the file.
 */
export async function openStoredZip(checkpoint: TorchBytes): Promise<StoredZip> {
  const { label: file } = checkpoint;
  const entries = await readDirectory(checkpoint);
  const members = await locate(entries, checkpoint);
  return {
    members,
    readMember: async (member, maxBytes) => {
      if (member.byteLength > maxBytes) {
        throw builderError(
          "CHECKPOINT_REFUSED",
          `${file}: ${member.name} has ${member.byteLength} bytes, more than the ${maxBytes} that it may have`,
        );
      }
      if (!member.isPlain)
        throw builderError("CHECKPOINT_UNSUPPORTED", `${file}: ${member.name} is compressed or encrypted`);
      return checkpoint.read(member.byteOffset, member.byteLength);
    },
  };
}

/** The fields of an entry that stay in memory. Its raw name and extra fields may take 190 kB. */
type DirectoryEntry = Pick<
  Entry,
  "fileName" | "relativeOffsetOfLocalHeader" | "compressedSize" | "compressionMethod"
> & { readonly isEncrypted: boolean };

async function readDirectory({ label: file, handle, offset, size }: TorchBytes): Promise<DirectoryEntry[]> {
  try {
    // Names are only looked up and never used as paths, so torch's unusual names need no check.
    const zip = await fromRandomAccessReaderPromise(new ByteRange(handle, offset), size, {
      autoClose: false,
      decodeStrings: true,
      strictFileNames: false,
    });
    if (zip.entryCount > maxMembers) {
      throw builderError(
        "CHECKPOINT_REFUSED",
        `${file}: it has ${zip.entryCount} members; a checkpoint has at most ${maxMembers}`,
      );
    }
    const entries: DirectoryEntry[] = [];
    for await (const entry of zip.eachEntry()) entries.push(kept(entry, file));
    return entries;
  } catch (cause) {
    if (cause instanceof ProcessorError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw builderError("CHECKPOINT_TRUNCATED", `${file}: ${reason}`, { cause });
  }
}

/** torch's names look like `archive/data/123`. */
const maxNameLength = 256;

function kept(entry: Entry, file: string): DirectoryEntry {
  const { fileName, relativeOffsetOfLocalHeader, compressedSize, compressionMethod } = entry;
  if (fileName.length > maxNameLength)
    throw builderError("CHECKPOINT_REFUSED", `${file}: a member's name of ${fileName.length} characters`);
  return {
    fileName,
    relativeOffsetOfLocalHeader,
    compressedSize,
    compressionMethod,
    isEncrypted: entry.isEncrypted(),
  };
}

const localHeaderLength = 30;

/** The code in a file of TorchScript, which is compressed and never read. */
const isCode = /^[^/]+\/code\//;

/**
 * Adds the position of the data, which depends on the member's local header, because torch pads it to align
 * the data.
 */
async function locate(
  entries: readonly DirectoryEntry[],
  zip: TorchBytes,
): Promise<Map<string, StoredMember>> {
  const members = new Map<string, StoredMember>();
  const inOrder = entries.toSorted((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  const headers = await readLocalHeaders(inOrder, zip);
  for (const [i, entry] of inOrder.entries()) {
    const name = entry.fileName;
    const isPlain = entry.compressionMethod === 0 && !entry.isEncrypted;
    if (!isPlain && !isCode.test(name))
      throw builderError("CHECKPOINT_UNSUPPORTED", `${zip.label}: ${name} is compressed or encrypted`);
    const byteOffset = headers[i] as number;
    const end = byteOffset + entry.compressedSize;
    const next = inOrder[i + 1]?.relativeOffsetOfLocalHeader ?? zip.size;
    if (end > zip.size) {
      throw builderError(
        "CHECKPOINT_TRUNCATED",
        `${zip.label}: ${name} ends at byte ${end}, the file at ${zip.size}`,
      );
    }
    if (end > next || members.has(name)) {
      throw builderError("CHECKPOINT_REFUSED", `${zip.label}: ${name} overlaps another member`);
    }
    members.set(name, { name, byteOffset, byteLength: entry.compressedSize, isPlain });
  }
  return members;
}

/** Returns the position of each entry's data. */
async function readLocalHeaders(entries: readonly DirectoryEntry[], zip: TorchBytes): Promise<number[]> {
  const header = Buffer.alloc(localHeaderLength);
  const starts: number[] = [];
  for (const entry of entries) {
    const at = entry.relativeOffsetOfLocalHeader;
    const { bytesRead } = await zip.handle.read(header, 0, localHeaderLength, zip.offset + at);
    if (bytesRead < localHeaderLength || header.readUInt32LE(0) !== 0x04034b50) {
      throw builderError(
        "CHECKPOINT_TRUNCATED",
        `${zip.label}: no member at byte ${at}, where ${entry.fileName} should begin`,
      );
    }
    starts.push(at + localHeaderLength + header.readUInt16LE(26) + header.readUInt16LE(28));
  }
  return starts;
}

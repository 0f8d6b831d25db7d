import type { Entry } from "yauzl";
import { sharedError } from "../../contract/shared-errors.js";

/** The limits for what an archive may claim. The defaults leave room for any nnU-Net export. */
export interface ZipLimits {
  /** Checked against the archive's own count before the first entry is read. */
  readonly maxEntries: number;
  /** Sum of the unpacked sizes. */
  readonly maxTotalBytes: number;
  /** Unpacked size of an entry divided by its packed size, for entries above `ratioFreeBytes`. */
  readonly maxRatio: number;
  /** Smaller files may have any compression ratio. */
  readonly ratioFreeBytes: number;
}

export const defaultZipLimits: ZipLimits = {
  maxEntries: 20_000,
  maxTotalBytes: 256 * 2 ** 30,
  maxRatio: 100,
  ratioFreeBytes: 64 * 2 ** 20,
};

const maxNameBytes = 1024;
const maxExtraBytes = 4096;
const storedMethod = 0;
const deflateMethod = 8;
// Unix and macOS, the upper byte of "version made by"
const unixHosts: ReadonlySet<number> = new Set([3, 19]);
const fileTypeMask = 0o170000;
const regularFile = 0o100000;
const folder = 0o040000;

/**
 * Checks one entry of the central directory.
 *
 * @param path the entry's name as read from the archive
 * @throws ARCHIVE_UNSAFE for a name that leaves the folder, a link or a bomb; ARCHIVE_INVALID for an entry
 * that cannot be read (encrypted, another compression, contradictory sizes)
 */
export function checkEntry(entry: Entry, path: string, limits: ZipLimits): void {
  const problem =
    nameProblem(path, entry.fileNameLength) ?? fileTypeProblem(entry) ?? bombProblem(entry, limits);
  if (problem !== null) throw sharedError("ARCHIVE_UNSAFE", `entry ${quote(path)} ${problem}`);
  const defect = encodingDefect(entry, path);
  if (defect !== null) throw sharedError("ARCHIVE_INVALID", `entry ${quote(path)} ${defect}`);
}

/** Returns an entry's name for a message, with visible control characters and a limited length. */
export function quote(path: string): string {
  const shown = path.length > 120 ? `${path.slice(0, 117)}…` : path;
  return JSON.stringify(shown);
}

function nameProblem(path: string, nameBytes: number): string | null {
  if (nameBytes > maxNameBytes)
    return `has a name of ${nameBytes} bytes, but at most ${maxNameBytes} are allowed`;
  if (path === "" || /\p{Cc}/u.test(path)) return "has a name that is empty or contains control characters";
  if (path.includes("\\"))
    return "has a backslash in its name, which some systems treat as a folder separator";
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return "has an absolute path";
  const parts = (path.endsWith("/") ? path.slice(0, -1) : path).split("/");
  if (parts.includes("..")) return "leaves the archive's folder (..)";
  if (parts.includes(".") || parts.includes("")) return "has an empty or . part in its path";
  return null;
}

function fileTypeProblem(entry: Entry): string | null {
  if (!unixHosts.has(entry.versionMadeBy >>> 8)) return null;
  const type = (entry.externalFileAttributes >>> 16) & fileTypeMask;
  if (type === 0 || type === regularFile || type === folder) return null;
  return type === 0o120000 ? "is a symbolic link" : "is a device, pipe or socket";
}

function bombProblem(entry: Entry, limits: ZipLimits): string | null {
  const extraBytes = entry.extraFieldLength + entry.fileCommentLength;
  if (extraBytes > maxExtraBytes) return `has ${extraBytes} bytes of extra fields and comment`;
  if (entry.uncompressedSize <= limits.ratioFreeBytes) return null;
  if (entry.uncompressedSize <= entry.compressedSize * limits.maxRatio) return null;
  return `unpacks from ${entry.compressedSize} to ${entry.uncompressedSize} bytes, but at most ${limits.maxRatio} times the packed size is allowed`;
}

function encodingDefect(entry: Entry, path: string): string | null {
  if (entry.isEncrypted()) return "is encrypted";
  if (entry.compressionMethod !== storedMethod && entry.compressionMethod !== deflateMethod)
    return `is compressed by method ${entry.compressionMethod}; only stored and deflated entries are supported`;
  if (path.endsWith("/") && entry.uncompressedSize !== 0) return "is a folder with contents";
  return null;
}

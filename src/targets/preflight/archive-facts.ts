import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { readTar, type TarEntry } from "../../../processor/files/tar/read-tar.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { withCount } from "../../ground/files/with-count.js";
import { ArchiveLimits } from "../../oci/archive-limits.js";
import { gunzipped } from "../../oci/gunzipped.js";

/** The contents of an archive, as far as a platform reads them. */
export interface ArchiveFacts {
  /** The path of the file, or the name of the image if an engine provides the archive. */
  readonly archive: string;
  /** True if the archive is a file. An engine provides a plain tar, whose name and size are not those of a file. */
  readonly isFile: boolean;
  /** The size of the file, or of the tar. */
  readonly bytes: number;
  /** The reason why the archive is not a complete tar; null if it is one. */
  readonly problem: string | null;
  /** Regular files by their exact names, and links to them: older engines save a repeated layer as a link. */
  readonly entries: ReadonlyMap<string, ArchiveFile>;
  /** JSON files up to 4 MiB, as values and as their original texts. */
  readonly documents: ReadonlyMap<string, unknown>;
  readonly texts: ReadonlyMap<string, string>;
}

export interface ArchiveFile {
  readonly sizeBytes: number;
  readonly compression: "gzip" | "zstd" | "uncompressed";
}

const maxDocumentBytes = 4 << 20;

/**
 * Reads an archive once, front to back, holding only its documents.
 *
 * @throws INPUT_NOT_FOUND; TOOL_MISSING for .xz if xz is not installed
 */
export async function readArchiveFacts(archive: string, signal: AbortSignal): Promise<ArchiveFacts> {
  const bytes = await sizeOf(archive);
  return { archive, isFile: true, bytes, ...(await readTarFacts(unpacked(archive), signal)) };
}

/** Reads the same facts from a tar while an engine saves it. */
export async function readSavedFacts(
  imageName: string,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<ArchiveFacts> {
  let bytes = 0;
  const bytesOfTar = withCount(tar, (length) => {
    bytes += length;
  });
  const facts = await readTarFacts(bytesOfTar, signal);
  // Reads the bytes after the last entry, because the engine's connection stays open until then.
  while ((await bytesOfTar.next()).done !== true);
  return { archive: imageName, isFile: false, bytes, ...facts };
}

type TarFacts = Pick<ArchiveFacts, "problem" | "entries" | "documents" | "texts">;

async function readTarFacts(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<TarFacts> {
  const entries = new Map<string, ArchiveFile>();
  const documents = new Map<string, unknown>();
  const texts = new Map<string, string>();
  const links = new Map<string, string>();
  const limits = new ArchiveLimits();
  let problem: string | null = null;
  try {
    for await (const entry of readTar(tar)) {
      signal.throwIfAborted();
      limits.addEntry();
      if (entry.kind === "symlink")
        links.set(entry.path, posix.join(posix.dirname(entry.path), entry.linkTarget));
      if (entry.kind === "link") links.set(entry.path, entry.linkTarget);
      if (entry.kind !== "file") continue;
      const { head, text } = await look(entry, limits);
      entries.set(entry.path, { sizeBytes: entry.sizeBytes, compression: compressionOf(head) });
      if (text === null) continue;
      texts.set(entry.path, text);
      const value = parsed(text);
      if (value !== undefined) documents.set(entry.path, value);
    }
    for (const [path, target] of links) {
      const file = entries.get(target);
      if (file !== undefined) entries.set(path, file);
    }
    if (entries.size === 0) problem = "no file in it";
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ProcessorError) throw error;
    problem = error instanceof Error ? error.message : String(error);
  }
  return { problem, entries, documents, texts };
}

async function sizeOf(archive: string): Promise<number> {
  try {
    const found = await stat(archive);
    if (found.isFile()) return found.size;
  } catch (cause) {
    throw sharedError("INPUT_NOT_FOUND", `${archive}${await whyNotFound(archive, cause)}`, { cause });
  }
  throw sharedError("INPUT_NOT_FOUND", `${archive} is not a file; preflight looks at an archive`);
}

/** Detects the compression by the first bytes, not by the name, as Python's tarfile does. */
async function* unpacked(archive: string): AsyncGenerator<Uint8Array> {
  const first = await headOf(archive);
  const file = createReadStream(archive, { highWaterMark: 1 << 20 });
  if (first[0] === 0x1f && first[1] === 0x8b) yield* gunzipped(file);
  else if (first.subarray(0, 6).toString("latin1") === "\xfd7zXZ\0") yield* unxz(archive);
  else yield* file as AsyncIterable<Buffer>;
}

async function headOf(archive: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(archive, { end: 511 })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* unxz(archive: string): AsyncGenerator<Uint8Array> {
  const child = spawn("xz", ["--decompress", "--stdout", "--", archive], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const closed = once(child, "close").catch((cause: unknown) => {
    throw builderError("TOOL_MISSING", "xz, to read a .tar.xz archive", { cause });
  });
  closed.catch(() => {}); // thrown again below, after the entries that were read
  try {
    yield* child.stdout as Readable as AsyncIterable<Buffer>;
    const [exitCode] = (await closed) as [number | null];
    if (exitCode !== 0) throw new Error("the xz stream is damaged");
  } finally {
    child.kill();
  }
}

async function look(
  entry: TarEntry,
  limits: ArchiveLimits,
): Promise<{ readonly head: Uint8Array; readonly text: string | null }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry.bytes) {
    chunks.push(chunk);
    if (chunks.length > 1) continue;
    const isDocument = chunk[0] === 0x7b || chunk[0] === 0x5b;
    if (!isDocument || entry.sizeBytes > maxDocumentBytes) return { head: chunk, text: null };
    limits.addDocument(entry.sizeBytes);
  }
  return { head: chunks[0] ?? new Uint8Array(), text: Buffer.concat(chunks).toString("utf8") };
}

function compressionOf(head: Uint8Array): ArchiveFile["compression"] {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  return Buffer.from(head.subarray(0, 4)).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))
    ? "zstd"
    : "uncompressed";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

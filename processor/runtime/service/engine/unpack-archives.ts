import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { sharedError } from "../../../contract/shared-errors.js";
import { exists } from "../../../files/exists.js";
import { makeFolder } from "../../../files/make-folder.js";
import { isDamagedTar, readTar } from "../../../files/tar/read-tar.js";
import { outputError } from "../../../files/write-file.js";
import { ZipArchive } from "../../../files/zip/zip-archive.js";
import { cleanName } from "../uploads/clean-name.js";
import { archiveLimits } from "./archive-limits.js";

/**
 * Unpacks archives into the folder that holds them, and removes them.
 *
 * @throws ARCHIVE_INVALID for an archive that is damaged; ARCHIVE_UNSAFE for one that could do harm
 */
export async function unpackArchives(archives: readonly string[], signal: AbortSignal): Promise<void> {
  for (const path of archives) {
    // A job that is repeated has unpacked it before.
    if (!(await exists(path))) continue;
    const unpacking = { path, archives: new Set(archives), signal };
    if (/\.zip$/i.test(path)) await unpackZip(unpacking);
    else await unpackTar(unpacking);
    await rm(path, { force: true });
  }
}

interface Unpacking {
  /** The archive that is being unpacked. */
  readonly path: string;
  /** All archives of the job, which no entry may replace. */
  readonly archives: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

async function unpackZip(unpacking: Unpacking): Promise<void> {
  const { path } = unpacking;
  const archive = await ZipArchive.open(path, archiveLimits).catch((error: unknown) => {
    throw withoutFolder(error, path);
  });
  try {
    for (const entry of archive.entries) await writeEntry(entry.path, archive.read(entry.path), unpacking);
  } catch (error) {
    throw withoutFolder(error, path);
  } finally {
    await archive.close();
  }
}

async function unpackTar(unpacking: Unpacking): Promise<void> {
  const { path } = unpacking;
  const { size: packedBytes } = await stat(path);
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  const source = /\.(?:gz|tgz)$/i.test(path) ? file.pipe(createGunzip()) : file;
  file.once("error", (error) => source.destroy(error));
  let entries = 0;
  let total = 0;
  try {
    for await (const entry of readTar(source as AsyncIterable<Uint8Array>)) {
      if (entry.kind === "directory") continue;
      if (entry.kind !== "file")
        throw sharedError("ARCHIVE_UNSAFE", `it holds a ${entry.kind}, where only files are taken`);
      total += entry.sizeBytes;
      if (++entries > archiveLimits.maxEntries || total > archiveLimits.maxTotalBytes)
        throw sharedError(
          "ARCHIVE_UNSAFE",
          `it holds more than ${archiveLimits.maxEntries} files or ${archiveLimits.maxTotalBytes} bytes`,
        );
      if (total > archiveLimits.ratioFreeBytes && total > packedBytes * archiveLimits.maxRatio)
        throw sharedError(
          "ARCHIVE_UNSAFE",
          `it unpacks from ${packedBytes} to ${total} bytes or more, but at most ${archiveLimits.maxRatio} times the packed size is allowed`,
        );
      await writeEntry(entry.path, entry.bytes, unpacking);
    }
    if (entries === 0) throw sharedError("ARCHIVE_INVALID", "it holds no files");
  } catch (error) {
    if (isDamagedTar(error)) throw sharedError("ARCHIVE_INVALID", error.message, { cause: error });
    throw withoutFolder(error, path);
  } finally {
    file.destroy();
  }
}

async function writeEntry(
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  { path, archives, signal }: Unpacking,
): Promise<void> {
  const target = join(dirname(path), unpackedName(name));
  if (archives.has(target))
    throw sharedError(
      "ARCHIVE_UNSAFE",
      `the entry ${JSON.stringify(name.slice(0, 100))} has the name of an uploaded archive`,
    );
  await makeFolder(dirname(target), 0o700);
  await pipeline(bytes, createWriteStream(target, { flags: "w", mode: 0o600 }), { signal }).catch(
    (error: unknown) => {
      throw outputError(target, error);
    },
  );
}

/** Refuses a name that leads out of the folder, which cleaning would put somewhere else. */
function unpackedName(name: string): string {
  if (name.startsWith("/") || /^[A-Za-z]:/.test(name))
    throw sharedError(
      "ARCHIVE_UNSAFE",
      `the entry ${JSON.stringify(name.slice(0, 100))} has an absolute path`,
    );
  try {
    return cleanName(name);
  } catch (cause) {
    throw sharedError(
      "ARCHIVE_UNSAFE",
      `the entry ${JSON.stringify(name.slice(0, 100))} leaves the archive's folder`,
      { cause },
    );
  }
}

/** Removes the folder of the job from a message, because clients do not know it. */
function withoutFolder(error: unknown, path: string): unknown {
  if (error instanceof Error && error.message.includes(dirname(path)))
    error.message = error.message.replaceAll(`${dirname(path)}/`, "");
  return error;
}

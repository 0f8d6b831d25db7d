import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
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

/** What an uploaded archive may hold. Its links and devices are refused. */
const limits = {
  maxEntries: 100_000,
  maxTotalBytes: 64 * 2 ** 30,
  maxRatio: 200,
  ratioFreeBytes: 64 * 2 ** 20,
} as const;

/**
 * Unpacks archives into the folder that holds them, and removes them.
 *
 * @throws ARCHIVE_INVALID for an archive that is damaged; ARCHIVE_UNSAFE for one that could do harm
 */
export async function unpackArchives(archives: readonly string[], signal: AbortSignal): Promise<void> {
  for (const path of archives) {
    // A job that is repeated has unpacked it before.
    if (!(await exists(path))) continue;
    if (/\.zip$/i.test(path)) await unpackZip(path, signal);
    else await unpackTar(path, signal);
    await rm(path, { force: true });
  }
}

async function unpackZip(path: string, signal: AbortSignal): Promise<void> {
  const archive = await ZipArchive.open(path, limits).catch((error: unknown) => {
    throw withoutFolder(error, path);
  });
  try {
    for (const entry of archive.entries)
      await writeEntry(path, entry.path, { bytes: archive.read(entry.path), signal });
  } catch (error) {
    throw withoutFolder(error, path);
  } finally {
    await archive.close();
  }
}

async function unpackTar(path: string, signal: AbortSignal): Promise<void> {
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
      if (++entries > limits.maxEntries || total > limits.maxTotalBytes)
        throw sharedError(
          "ARCHIVE_UNSAFE",
          `it holds more than ${limits.maxEntries} files or ${limits.maxTotalBytes} bytes`,
        );
      await writeEntry(path, entry.path, { bytes: entry.bytes, signal });
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
  archive: string,
  name: string,
  { bytes, signal }: { readonly bytes: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
): Promise<void> {
  const target = join(dirname(archive), unpackedName(name));
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

/** The folder of a job is nothing that its client knows. */
function withoutFolder(error: unknown, path: string): unknown {
  if (error instanceof Error && error.message.includes(dirname(path)))
    error.message = error.message.replaceAll(`${dirname(path)}/`, "");
  return error;
}

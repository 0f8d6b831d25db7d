import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import { partialPathNextTo } from "../../../processor/files/partial-path.js";
import { outputError } from "../../../processor/files/write-file.js";
import type { WorkSession } from "../threads/for-each-case.js";

export interface ZipContent {
  /** The folder that names in the archive are relative to. */
  readonly folder: string;
  /** Paths below the folder, with forward slashes, in the order of the archive. */
  readonly paths: readonly string[];
}

/** The earliest time that a zip file can hold. A fixed one makes the same files the same archive. */
const fixedTime = new Date(1980, 0, 1);

/**
 * Writes a zip file, under a temporary name that is renamed at the end.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeZip(
  file: string,
  { folder, paths }: ZipContent,
  { progress, signal }: WorkSession,
): Promise<void> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(join(folder, path))).size));
  const bar = progress.start({
    label: `writing ${file}`,
    total: sizes.reduce((sum, size) => sum + size, 0),
    unit: "bytes",
  });
  const zip = new ZipFile();
  for (const path of paths)
    zip.addFile(join(folder, path), path, { mtime: fixedTime, mode: 0o100644, forceDosTimestamp: true });
  zip.end();
  const partial = await partialPathNextTo(file);
  try {
    await pipeline(
      Readable.from(zip.outputStream),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          bar.advance(chunk.length);
          yield chunk;
        }
      },
      createWriteStream(partial, { flags: "wx" }),
      { signal },
    );
    await rename(partial, file);
  } catch (cause) {
    await rm(partial, { force: true });
    signal.throwIfAborted();
    throw outputError(file, cause);
  } finally {
    bar.done();
  }
}

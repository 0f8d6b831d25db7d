import { rm, writeFile } from "node:fs/promises";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { isDiskFull } from "../../processor/files/disk-error.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { outputError } from "../../processor/files/write-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { putInPlace } from "../ground/files/output-file.js";
import { withCount } from "../ground/files/with-count.js";
import { type DigestedFile, type OutputPlace, writeDigested } from "../ground/files/write-digested.js";
import { splitRegistry } from "../ground/image-name.js";
import { parallelGzip } from "./parallel-gzip.js";

export interface WriteArchiveOptions extends OutputPlace {
  readonly imageName: string;
  /** The image as a stream in the format of `docker save`. */
  readonly image: AsyncIterable<Uint8Array>;
  /** Size of the image, for the progress; the tar is slightly larger. */
  readonly imageBytes: number;
  readonly progress: Progress;
}

/**
 * Returns the archive's file name: the image's name without its registry, with `-` for `/` and `:`.
 *
 * @example archiveFileName("registry.example.org:5000/team/liver:1") // "team-liver-1.tar.gz"
 */
export const archiveFileName = (imageName: string): string =>
  `${splitRegistry(imageName).path.replace(/[/:@]/g, "-")}.tar.gz`;

/**
 * Writes an image as a file that `docker load -i` accepts, compressed if the name ends in `.gz`.
 *
 * @throws OUTPUT_EXISTS, DISK_FULL, OUTPUT_UNWRITABLE; EXPORT_FAILED if the engine breaks off
 */
export async function writeArchive(options: WriteArchiveOptions): Promise<DigestedFile> {
  const { imageName, image, imageBytes, path, progress, signal } = options;
  const task = progress.start({ label: `exporting ${imageName}`, total: imageBytes, unit: "bytes" });
  try {
    const tar = withCount(image, task.advance);
    return await writeDigested(path.endsWith(".gz") ? parallelGzip(tar) : tar, options);
  } catch (error) {
    signal.throwIfAborted();
    throw archiveError(error, imageName, path);
  } finally {
    task.done();
  }
}

/**
 * Writes a small text to a temporary file and renames it when it is complete. Never replaces an existing
 * file.
 *
 * @param writtenTo differs from `path` if the file is renamed later, together with other files
 * @throws OUTPUT_EXISTS, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeNextToArchive(path: string, text: string, writtenTo = path): Promise<void> {
  const partial = await partialPathNextTo(path);
  try {
    await writeFile(partial, text, { flag: "wx", flush: true });
    await putInPlace(partial, writtenTo);
  } catch (error) {
    throw outputError(path, error);
  } finally {
    await rm(partial, { force: true });
  }
}

function archiveError(error: unknown, imageName: string, path: string): ProcessorError {
  if (error instanceof ProcessorError) return error;
  const code = errorCode(error);
  const words = error instanceof Error ? error.message : String(error);
  const options = { cause: error };
  const kept = `; the image ${imageName} is still in Docker`;
  if (isDiskFull(error))
    return sharedError("DISK_FULL", `no space left while writing ${path}${kept}`, options);
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENAMETOOLONG"].includes(code))
    return sharedError("OUTPUT_UNWRITABLE", `${path} can't be written: ${words}${kept}`, options);
  return builderError("EXPORT_FAILED", `${imageName} to ${path}: ${words}`, options);
}

const errorCode = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";

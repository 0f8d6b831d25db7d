import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { outputError } from "../../processor/files/write-file.js";
import { putInPlace, requireAbsent } from "../ground/files/output-file.js";
import { type LayerFile, layerFileTime } from "../image/image-plan.js";
import { adaptiveGzip } from "../oci/adaptive-gzip.js";
import { layerTar } from "../oci/layer-tar.js";

/** A model for grand-challenge's Models upload, which the platform unpacks to `/opt/ml/model`. */
export interface ModelTarball {
  readonly path: string;
  readonly bytes: number;
  /** The file's hash in hexadecimal. */
  readonly sha256: string;
}

export interface ModelTarballPlace {
  readonly path: string;
  /** The path at which the file is written; differs from `path` if it is renamed later together with others. */
  readonly writtenTo?: string;
  readonly signal: AbortSignal;
}

/**
 * Writes a tarball next to its final path and renames it when it is complete. Paths of files are relative to the
 * tarball's root. The same files give the same bytes.
 *
 * @throws OUTPUT_EXISTS, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeModelTarball(
  files: readonly LayerFile[],
  { path, writtenTo = path, signal }: ModelTarballPlace,
): Promise<ModelTarball> {
  await requireAbsent(writtenTo);
  const partial = await partialPathNextTo(path);
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    await pipeline(
      adaptiveGzip(layerTar(files, layerFileTime)),
      async function* measured(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(partial, { flags: "wx", flush: true }),
      { signal },
    );
    await putInPlace(partial, writtenTo);
  } catch (error) {
    signal.throwIfAborted();
    throw outputError(path, error);
  } finally {
    await rm(partial, { force: true });
  }
  return { path, bytes, sha256: hash.digest("hex") };
}

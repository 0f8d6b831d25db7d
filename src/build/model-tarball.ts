import { outputError } from "../../processor/files/write-file.js";
import { type DigestedFile, type OutputPlace, writeDigested } from "../ground/files/write-digested.js";
import { type LayerFile, layerFileTime } from "../image/image-plan.js";
import { adaptiveGzip } from "../oci/adaptive-gzip.js";
import { layerTar } from "../oci/layer-tar.js";

/**
 * Writes a model for grand-challenge's Models upload, which the platform unpacks to `/opt/ml/model`. Paths of files are
 * relative to the tarball's root. The same files give the same bytes.
 *
 * @throws OUTPUT_EXISTS, DISK_FULL, OUTPUT_UNWRITABLE; the signal's reason if aborted
 */
export async function writeModelTarball(
  files: readonly LayerFile[],
  place: OutputPlace,
): Promise<DigestedFile> {
  try {
    return await writeDigested(adaptiveGzip(layerTar(files, layerFileTime)), place);
  } catch (error) {
    place.signal.throwIfAborted();
    throw outputError(place.path, error);
  }
}

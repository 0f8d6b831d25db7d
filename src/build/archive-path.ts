import { basename, join } from "node:path";
import { attestationFiles } from "../attest/attest-image.js";
import { requireAbsent, requireReplaceable } from "../ground/files/output-file.js";
import { archiveFileName } from "../oci/export-archive.js";
import type { OutputRequest } from "./build-request.js";

export type ArchiveRequest = Pick<
  OutputRequest,
  "exportFolder" | "archiveName" | "modelTarball" | "existing"
> & { readonly imageName: string; readonly isAttested: boolean };

/**
 * Returns where the archive goes, or null for none. Fails before the build if something exists there that is to be kept.
 *
 * @throws OUTPUT_EXISTS
 */
export async function freeArchivePath(request: ArchiveRequest): Promise<string | null> {
  const { exportFolder, archiveName, imageName, isAttested, modelTarball, existing } = request;
  const path = exportFolder === null ? null : join(exportFolder, archiveName ?? archiveFileName(imageName));
  const documents = path === null || !isAttested ? [] : Object.values(attestationFiles(path));
  const beside = [...(modelTarball === null ? [] : [modelTarball]), ...documents];
  if (existing === "replace") {
    for (const file of [...beside, ...(path === null ? [] : [path])]) await requireReplaceable(file);
    return path;
  }
  if (path !== null) await requireAbsent(path);
  for (const file of beside) await requireAbsent(file, path === null ? "" : withoutArchive(path));
  return path;
}

/** A build names the archive last, so other files without it are from a build that was killed or an archive that was moved. */
const withoutArchive = (path: string): string =>
  `, but ${basename(path)} does not: a build that was killed at its end leaves this, and so does moving the archive. Delete it, or run the build without --no-overwrite`;

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { readTar } from "../../../files/tar/read-tar.js";
import { ZipArchive } from "../../../files/zip/zip-archive.js";
import { announcedDicomVoxelsIn, type SeriesVoxels } from "../../../imaging/dicom/announced-dicom-voxels.js";
import { announcedVoxelsIn } from "../../../imaging/formats/announced-voxels.js";
import { splitImageEnding } from "../../../imaging/formats/image-ending.js";
import { archiveLimits } from "../engine/archive-limits.js";

export const archiveEnding = /\.(?:zip|tar|tar\.gz|tgz)$/i;

/** How much of an archive is looked at before a job waits; the job looks at all of it. */
const looked = { files: 5000, headBytes: 1 << 16, tarBytes: 2 * 2 ** 30 } as const;

interface ArchivedFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * Returns the voxels of the largest scan that the headers in an archive announce, without unpacking it: the images, and the
 * series of DICOM files. What is damaged, or comes late in a large archive, counts as nothing.
 *
 * @param maxVoxels a scan with more of them ends the count
 */
export async function archivedVoxels(path: string, name: string, maxVoxels: number): Promise<number> {
  const ofSeries = new Map<string, number>();
  let most = 0;
  let files = 0;
  const entries = /\.zip$/i.test(name) ? zipFiles(path) : tarFiles(path, /\.(?:gz|tgz)$/i.test(name));
  try {
    for await (const file of entries) {
      most = Math.max(most, await voxelsOf(file, ofSeries));
      if (most > maxVoxels || ++files >= looked.files) break;
    }
  } catch {
    // The job says what is wrong with the archive.
  }
  return most;
}

/** Returns the voxels of an image, or those of its series so far for a DICOM file. */
async function voxelsOf(
  { name, sizeBytes, bytes }: ArchivedFile,
  ofSeries: Map<string, number>,
): Promise<number> {
  if (archiveEnding.test(name)) return 0;
  const head = await headOf(bytes);
  const isWhole = head.length === sizeBytes;
  // An image that cannot be read counts as nothing here; its job says what is wrong with it.
  if (splitImageEnding(name) !== null)
    return (await announcedVoxelsIn(head, name, isWhole).catch(() => null)) ?? 0;
  const found: SeriesVoxels | null = announcedDicomVoxelsIn(head, sizeBytes);
  if (found === null) return 0;
  const sum = (ofSeries.get(found.series) ?? 0) + found.voxels;
  ofSeries.set(found.series, sum);
  return sum;
}

async function headOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of bytes) {
    parts.push(part);
    length += part.length;
    if (length >= looked.headBytes) break;
  }
  return Buffer.concat(parts);
}

async function* zipFiles(path: string): AsyncGenerator<ArchivedFile> {
  const archive = await ZipArchive.open(path, archiveLimits);
  try {
    for (const { path: name, size } of archive.entries)
      yield { name, sizeBytes: size, bytes: archive.read(name) };
  } finally {
    await archive.close();
  }
}

async function* tarFiles(path: string, isPacked: boolean): AsyncGenerator<ArchivedFile> {
  const { size } = await stat(path);
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  const source = isPacked ? file.pipe(createGunzip({ chunkSize: 1 << 18 })) : file;
  file.once("error", (error) => source.destroy(error));
  const most = Math.min(
    looked.tarBytes,
    Math.max(archiveLimits.ratioFreeBytes, size * archiveLimits.maxRatio),
  );
  let total = 0;
  try {
    for await (const entry of readTar(source as AsyncIterable<Uint8Array>)) {
      if (entry.kind === "file") yield { name: entry.path, sizeBytes: entry.sizeBytes, bytes: entry.bytes };
      // The rest would be unpacked in vain.
      total += entry.sizeBytes;
      if (total > most) return;
    }
  } finally {
    file.destroy();
    source.destroy();
  }
}

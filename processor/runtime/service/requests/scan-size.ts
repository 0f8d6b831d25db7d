import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { announcedDicomVoxels } from "../../../imaging/dicom/announced-dicom-voxels.js";
import { listFiles } from "../../../imaging/dicom/list-files.js";
import { announcedVoxels } from "../../../imaging/formats/announced-voxels.js";
import { splitImageEnding } from "../../../imaging/formats/image-ending.js";
import type { ImageInput } from "../../cases/case.js";
import type { JobWork } from "../engine/job-work.js";
import { serviceError } from "../errors.js";
import { archivedVoxels, archiveEnding } from "./archive-size.js";

/** The DICOM files that are looked at before a job waits; the job looks at all of them. */
const mostFilesBefore = 5000;

interface NamedFile {
  readonly path: string;
  readonly name: string;
}

/**
 * Refuses scans that would not fit into the memory, before their job waits. A file that cannot be read is left to the job,
 * which says what is wrong with it.
 *
 * @throws SCAN_TOO_LARGE
 */
export async function requireSize(files: readonly NamedFile[], maxVoxels: number): Promise<void> {
  const slices: NamedFile[] = [];
  for (const file of files) {
    const { path, name } = file;
    if (archiveEnding.test(name)) {
      const voxels = await archivedVoxels(path, name, maxVoxels);
      if (voxels > maxVoxels) throw tooLarge(name, `a scan with at least ${voxels}`, maxVoxels);
      continue;
    }
    requireFew(name, await announcedVoxels(path, name).catch(() => null), maxVoxels);
    if (splitImageEnding(name) !== null) continue;
    const isFolder = (await stat(path).catch(() => null))?.isDirectory() === true;
    if (isFolder) await requireShortSeries([file], maxVoxels, mostFilesBefore);
    else slices.push(file);
  }
  await requireShortSeries(slices, maxVoxels, mostFilesBefore);
}

/**
 * Refuses an image of a job that would not fit into the memory, before it is read.
 *
 * @throws SCAN_TOO_LARGE
 */
export async function requireInputSize({ kind, path }: ImageInput, maxVoxels: number): Promise<void> {
  const name = basename(path);
  if (kind === "dicom") await requireShortSeries([{ path, name }], maxVoxels, Number.POSITIVE_INFINITY);
  else requireFew(name, await announcedVoxels(path, path).catch(() => null), maxVoxels);
}

/** Counts the images of series that are spread over files and folders. */
async function requireShortSeries(
  places: readonly NamedFile[],
  maxVoxels: number,
  maxFiles: number,
): Promise<void> {
  const paths: string[] = [];
  for (const { path } of places) paths.push(...(await listFiles(path).catch(() => [])));
  const voxels = await announcedDicomVoxels(paths, { maxVoxels, maxFiles });
  if (voxels > maxVoxels) throw tooLarge(places[0]!.name, `at least ${voxels}`, maxVoxels);
}

function requireFew(name: string, voxels: number | null, maxVoxels: number): void {
  if (voxels !== null && voxels > maxVoxels) throw tooLarge(name, String(voxels), maxVoxels);
}

const tooLarge = (name: string, voxels: string, maxVoxels: number) =>
  serviceError(
    "SCAN_TOO_LARGE",
    `${JSON.stringify(name.slice(0, 100))} has ${voxels} voxels; this server takes ${maxVoxels}`,
  );

/** Returns the files that the models of a job take from the server's own folders. */
export const filesOfWork = ({ stages }: JobWork): readonly NamedFile[] =>
  stages.flatMap(({ inputs }) =>
    inputs.flatMap((input) => (input.kind === "stage" ? [] : [{ path: input.path, name: input.path }])),
  );

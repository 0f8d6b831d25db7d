import { ProcessorError } from "../../../processor/contract/errors.js";
import { isNibabel, reorients } from "../../../processor/contract/reader-class.js";
import { nibabelAffine } from "../../../processor/imaging/formats/nifti/nibabel-affine.js";
import type { Affine } from "../../../processor/imaging/volume/affine.js";
import type { Xyz, Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Direction } from "../../../processor/imaging/volume/geometry.js";
import type { ImageHead, VoxelArray } from "../../../processor/imaging/volume/image.js";
import { gridInRas } from "../../../processor/runtime/preprocess/reorient-case.js";
import { type ImageReaderName, readInBlocksWith } from "./image-reader.js";
import { ImageMeasure, type Intensities, LabelCounts } from "./measure-voxels.js";
import { readsCutFile, type UnreadFile, unreadFile } from "./unread-file.js";

export interface ExamineCaseTask {
  readonly reader: ImageReaderName;
  readonly images: readonly string[];
  readonly label: string | null;
  /** True to measure the intensities, too, which takes a fifth of the time. */
  readonly measuresIntensities: boolean;
}

/** The files of a case as they were read. */
export interface CaseFacts {
  readonly images: readonly (ImageFacts | UnreadFile)[];
  readonly label: LabelFacts | UnreadFile | null;
}

/** The grid of a file as nnU-Net's reader sees it. */
export interface GridFacts {
  readonly path: string;
  readonly components: number;
  /** True if the components are colours or the like, and not volumes along a fourth axis. */
  readonly areVectors: boolean;
  readonly dimensions: 2 | 3;
  /** The axes that ITK counts: with the fourth, whose volumes are components here, but without the z that readers add. */
  readonly axes: 2 | 3 | 4;
  readonly sizeZyx: Zyx;
  readonly spacingMmZyx: Zyx;
  readonly originMmXyz: Xyz;
  readonly directionXyz: Direction;
  /** nibabel's matrix, and the same on the grid of a reader that turns images; null for other readers. */
  readonly affine: Affine | null;
  readonly turnedAffine: Affine | null;
  /** Why the file counts as cut off, although nnU-Net's reader would read it with 0 for the rest; null for a whole file. */
  readonly cutOff: string | null;
  /** NaN or infinite voxels that the reader replaces by 0. */
  readonly zeroedVoxels: number;
}

export interface ImageFacts extends GridFacts {
  readonly nanVoxels: number;
  readonly infiniteVoxels: number;
  /** Null if they were not to be measured. */
  readonly intensities: Intensities | null;
}

export interface LabelFacts extends GridFacts {
  /** The distinct values, ascending, NaN last; at most `mostValues`. */
  readonly values: readonly number[];
  /** The voxels of each of these values. */
  readonly counts: readonly number[];
}

/** Reads the files of one case, one after the other; runs in a worker thread. */
export async function examineCase(task: ExamineCaseTask): Promise<CaseFacts> {
  const { reader, label, measuresIntensities } = task;
  const images: (ImageFacts | UnreadFile)[] = [];
  for (const path of task.images)
    images.push(
      await factsOf(reader, { path, isLabel: false, measure: () => new ImageMeasure(measuresIntensities) }),
    );
  const measure = () => new LabelCounts();
  return {
    images,
    label: label === null ? null : await factsOf(reader, { path: label, isLabel: true, measure }),
  };
}

export const isRead = <T extends GridFacts>(file: T | UnreadFile | null): file is T =>
  file !== null && "components" in file;

/** Measures the voxels of a file, which come in blocks. */
interface Measure<T> {
  add(voxels: VoxelArray): void;
  result(): T;
}

interface FactsQuestion<T> {
  readonly path: string;
  readonly isLabel: boolean;
  readonly measure: () => Measure<T>;
}

async function factsOf<T>(
  reader: ImageReaderName,
  question: FactsQuestion<T>,
): Promise<(GridFacts & T) | UnreadFile> {
  const { path } = question;
  try {
    return await measured(reader, question, null);
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error;
    const filled =
      error.code === "IMAGE_TRUNCATED" && (await readsCutFile(reader, path))
        ? await measured(reader, question, error.message).catch(() => null)
        : null;
    return filled ?? unreadFile(reader, question, error);
  }
}

/** @param cutOff why the file counts as cut off, if 0 takes the place of what is missing; null for a whole file */
async function measured<T>(
  reader: ImageReaderName,
  { path, measure }: FactsQuestion<T>,
  cutOff: string | null,
): Promise<GridFacts & T> {
  const measuring = measure();
  const head = await readInBlocksWith(reader, path, { fillsMissing: cutOff !== null }, () => (voxels) => {
    measuring.add(voxels);
  });
  return { ...gridOf(reader, head), cutOff, ...measuring.result() };
}

function gridOf(reader: ImageReaderName, image: ImageHead): GridFacts {
  const { components, source, areVectors = false, zeroedVoxels = 0 } = image;
  const { dimensions } = image.geometry;
  const affine = isNibabel(reader) && source.format === "nifti" ? nibabelAffine(image) : null;
  const { geometry, turnedAffine } = reorients(reader)
    ? gridInRas(image.geometry, affine)
    : { geometry: image.geometry, turnedAffine: affine };
  const { sizeZyx, spacingMmZyx, originMmXyz, directionXyz } = geometry;
  return {
    path: source.path,
    components,
    areVectors,
    dimensions,
    axes: components > 1 && !areVectors ? 4 : dimensions,
    sizeZyx,
    spacingMmZyx,
    originMmXyz,
    directionXyz,
    affine,
    turnedAffine,
    cutOff: null,
    zeroedVoxels,
  };
}

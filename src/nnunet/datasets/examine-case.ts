import { ProcessorError } from "../../../processor/contract/errors.js";
import { nibabelAffine } from "../../../processor/imaging/formats/nifti/nibabel-affine.js";
import type { Affine } from "../../../processor/imaging/volume/affine.js";
import { voxelCount, type Xyz, type Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Direction } from "../../../processor/imaging/volume/geometry.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { numberBlocks } from "../../../processor/imaging/volume/number-blocks.js";
import { endOfRun, voxelWords } from "../../../processor/imaging/volume/voxel-words.js";
import { gridInRas } from "../../../processor/runtime/preprocess/reorient-case.js";
import { type ImageReaderName, isNibabel, readWith, reorients } from "./image-reader.js";
import { readsCutFile, type UnreadFile, unreadFile } from "./unread-file.js";

export interface ExamineCaseTask {
  readonly reader: ImageReaderName;
  readonly images: readonly string[];
  readonly label: string | null;
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
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
}

export interface LabelFacts extends GridFacts {
  /** The distinct values, ascending, NaN last; at most `mostValues`. */
  readonly values: readonly number[];
  /** The voxels of each of these values. */
  readonly counts: readonly number[];
}

/** The most distinct values of a label file that are kept. An image that was taken for labels has far more. */
const mostValues = 1000;

/** Reads the files of one case, one after the other; runs in a worker thread. */
export async function examineCase({ reader, images, label }: ExamineCaseTask): Promise<CaseFacts> {
  const found: (ImageFacts | UnreadFile)[] = [];
  for (const path of images) found.push(await factsOf(reader, { path, isLabel: false, measure: imageFacts }));
  const isLabel = true;
  return {
    images: found,
    label: label === null ? null : await factsOf(reader, { path: label, isLabel, measure: labelFacts }),
  };
}

export const isRead = <T extends GridFacts>(file: T | UnreadFile | null): file is T =>
  file !== null && "components" in file;

interface FactsQuestion<T> {
  readonly path: string;
  readonly isLabel: boolean;
  readonly measure: (grid: GridFacts, voxels: Image["voxels"]) => T;
}

async function factsOf<T>(reader: ImageReaderName, question: FactsQuestion<T>): Promise<T | UnreadFile> {
  const { path, measure } = question;
  try {
    const image = await readWith(reader, path);
    return measure(gridOf(reader, image), image.voxels);
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error;
    const filled =
      error.code === "IMAGE_TRUNCATED" && (await readsCutFile(reader, path))
        ? await readWith(reader, path, { fillsMissing: true }).catch(() => null)
        : null;
    if (filled === null) return unreadFile(reader, question, error);
    return measure({ ...gridOf(reader, filled), cutOff: error.message }, filled.voxels);
  }
}

function gridOf(reader: ImageReaderName, image: Image): GridFacts {
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

function imageFacts(grid: GridFacts, voxels: Image["voxels"]): ImageFacts {
  let nanVoxels = 0;
  let infiniteVoxels = 0;
  const totals: Totals = { minimum: Number.POSITIVE_INFINITY, maximum: Number.NEGATIVE_INFINITY, sum: 0 };
  for (const numbers of numberBlocks(voxels)) addNumbers(totals, numbers);
  const { minimum, maximum } = totals;
  let { sum } = totals;
  // Only then may a voxel be NaN or infinite; most images need one loop.
  if (!Number.isFinite(sum)) {
    sum = 0;
    for (const numbers of numberBlocks(voxels)) {
      for (const value of numbers) {
        if (Number.isNaN(value)) nanVoxels++;
        else if (!Number.isFinite(value)) infiniteVoxels++;
        else sum += value;
      }
    }
  }
  return { ...grid, nanVoxels, infiniteVoxels, minimum, maximum, mean: sum / voxels.length };
}

interface Totals {
  minimum: number;
  maximum: number;
  sum: number;
}

/** A function of its own, because Node optimises a short one better than a loop within a loop. */
function addNumbers(totals: Totals, numbers: Float64Array): void {
  let { minimum, maximum, sum } = totals;
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]!;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    sum += value;
  }
  totals.minimum = minimum;
  totals.maximum = maximum;
  totals.sum = sum;
}

function labelFacts(grid: GridFacts, voxels: Image["voxels"]): LabelFacts {
  const counts = new Map<number, number>();
  const count = voxelCount(grid.sizeZyx) * grid.components;
  let run = 0;
  let last = Math.fround(Number(voxels[0]));
  const note = () => {
    if (counts.size < mostValues || counts.has(last)) counts.set(last, (counts.get(last) ?? 0) + run);
  };
  const add = (i: number): void => {
    const value = Math.fround(Number(voxels[i]));
    if (value === last || (Number.isNaN(value) && Number.isNaN(last))) {
      run++;
      return;
    }
    note();
    last = value;
    run = 1;
  };
  const { words, perWord } = voxelWords(voxels, count);
  for (let word = 0; word < words.length; ) {
    for (let i = word * perWord; i < (word + 1) * perWord; i++) add(i);
    word++;
    // All voxels of the word have the last value.
    const end = run >= perWord ? endOfRun(words, word) : word;
    run += (end - word) * perWord;
    word = end;
  }
  for (let i = words.length * perWord; i < count; i++) add(i);
  note();
  const values = [...counts.keys()].sort((a, b) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b));
  return { ...grid, values, counts: values.map((value) => counts.get(value)!) };
}

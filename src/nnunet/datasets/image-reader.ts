import { ProcessorError } from "../../../processor/contract/errors.js";
import { isNibabel } from "../../../processor/contract/reader-class.js";
import type { BlockSink } from "../../../processor/imaging/formats/read-image-options.js";
import type { Image, ImageHead } from "../../../processor/imaging/volume/image.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { DatasetJson } from "./dataset-json.js";
import { hasUnknownCapitals } from "./unknown-capitals.js";

/** The classes with which nnU-Net reads images, in the order in which it tries them, and the endings that they take. */
const readers = [
  { name: "NaturalImage2DIO", endings: [".png", ".bmp", ".tif"] },
  { name: "SimpleITKIO", endings: [".nii.gz", ".nrrd", ".mha", ".gipl"] },
  { name: "Tiff3DIO", endings: [".tif", ".tiff"] },
  { name: "NibabelIO", endings: [".nii", ".nii.gz"] },
  { name: "NibabelIOWithReorient", endings: [".nii", ".nii.gz"] },
] as const;

/** A reader that nnU-Net takes only if dataset.json names it. */
const onlyByName = "SimpleITKIOWithReorient";

export type ImageReaderName = (typeof readers)[number]["name"] | typeof onlyByName;

const knownNames: readonly unknown[] = [...readers.map(({ name }) => name), onlyByName];

export const isReaderName = (name: unknown): name is ImageReaderName => knownNames.includes(name);

/** The reader that was chosen, and whether dataset.json names one that does not exist. */
export interface ReaderChoice {
  readonly reader: ImageReaderName;
  readonly unknownName: string | null;
}

/**
 * Returns the reader that nnU-Net would take: the one that dataset.json names, or the first that takes the ending and
 * can read the example.
 *
 * @param example the first channel of the first case; null if there is none
 * @param looksAt `header` reads only the header of a NIfTI file, for callers who read the voxels later. It then returns a reader where
 *   `whole` throws because voxels are damaged; every reader of NIfTI fails at those
 * @throws DATASET_INVALID if no reader fits
 */
export async function chooseReader(
  { readerOverride, fileEnding }: Pick<DatasetJson, "readerOverride" | "fileEnding">,
  example: string | null,
  looksAt: "whole" | "header" = "whole",
): Promise<ReaderChoice> {
  if (isReaderName(readerOverride)) return { reader: readerOverride, unknownName: null };
  const failures: string[] = [];
  for (const { name, endings } of readers) {
    if (!endings.some((ending) => ending === fileEnding.toLowerCase())) continue;
    const failure = example === null ? null : await failureOf(example, name, looksAt);
    if (failure === null) return { reader: name, unknownName: readerOverride };
    failures.push(failure);
  }
  throw nnunetError(
    "DATASET_INVALID",
    failures.length === 0
      ? `nnU-Net reads no files that end with ${fileEnding}; it takes ${[...new Set(readers.flatMap(({ endings }) => endings))].join(", ")}`
      : `no reader of nnU-Net can read ${example}: ${failures[0]}`,
  );
}

async function failureOf(
  path: string,
  reader: ImageReaderName,
  looksAt: "whole" | "header",
): Promise<string | null> {
  if (hasUnknownCapitals(path, reader))
    return `${reader} does not know this ending with capital letters; use small ones`;
  try {
    if (looksAt === "header") await readHeadWith(reader, path);
    else await readInBlocksWith(reader, path, {}, () => () => {});
    return null;
  } catch (error) {
    // No other reader would find a missing file, or be allowed to read a closed one.
    if (error instanceof ProcessorError && error.code === "INPUT_NOT_FOUND")
      throw nnunetError("DATASET_INVALID", error.message, { cause: error.cause });
    return (error as Error).message;
  }
}

interface ReadWithOptions {
  readonly fillsMissing?: boolean;
}

/** Reads an image by the rules of one of nnU-Net's readers, without turning it. */
export async function readWith(reader: ImageReaderName, path: string): Promise<Image> {
  const image = await (await imageFormats()).readImage(path, { imageReader: reader });
  refuseNifti2(reader, image);
  return image;
}

/** Reads an image as `readWith` does, without the voxels if the format is NIfTI. */
async function readHeadWith(reader: ImageReaderName, path: string): Promise<void> {
  const { readImageHead } = await imageFormats();
  refuseNifti2(reader, await readImageHead(path, { imageReader: reader }));
}

/** Reads an image as `readWith` does, but gives its voxels in blocks while they arrive. */
export async function readInBlocksWith(
  reader: ImageReaderName,
  path: string,
  options: ReadWithOptions,
  begin: (head: ImageHead) => BlockSink,
): Promise<ImageHead> {
  const { readImageInBlocks } = await imageFormats();
  return readImageInBlocks(path, { imageReader: reader, ...options }, (head) => {
    refuseNifti2(reader, head);
    return begin(head);
  });
}

/** Planning mostly reads no image, and the formats take long to load. */
const imageFormats = () => import("../../../processor/imaging/formats/read-image.js");

function refuseNifti2(reader: ImageReaderName, { source }: ImageHead): void {
  if (source.format === "nifti" && source.nifti?.version === 2 && !isNibabel(reader))
    throw nnunetError(
      "DATASET_INVALID",
      `${source.path} has the format NIfTI-2, which ITK, and with it nnU-Net's ${reader}, does not read; NibabelIO does`,
    );
}

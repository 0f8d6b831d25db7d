import { createHash } from "node:crypto";
import { counted } from "../../contract/counted.js";
import { withFileBytes } from "./byte-reader.js";
import { type DecodeOptions, decodeStack } from "./decode-stack.js";
import type { DicomWarning } from "./dicom-series.js";
import { dicomError } from "./errors.js";
import { groupBy } from "./group-by.js";
import type { ImageFrame } from "./image-frame.js";
import type { DicomFile } from "./read-dicom-file.js";

/**
 * Leaves out files that hold an instance again, with the same pixels.
 *
 * @throws DICOM_DUPLICATE_POSITION if two files have the same SOPInstanceUID but different pixels
 */
export async function dropDuplicates(
  frames: readonly ImageFrame[],
  warnings: DicomWarning[],
  decoding: DecodeOptions,
): Promise<readonly ImageFrame[]> {
  const files = groupBy(frames, ({ file }) => file);
  const instances = groupBy(files.values(), ([frame]) => frame!.sopInstanceUid);
  const dropped = new Set<DicomFile>();
  for (const copies of instances.values()) {
    const [first, ...others] = copies as [ImageFrame[], ...ImageFrame[][]];
    for (const other of others) {
      const [a, b] = [first[0]!, other[0]!];
      const problem = !isSamePlace(first, other)
        ? "other positions"
        : !(await haveSamePixels(first, other, decoding))
          ? "different pixels"
          : null;
      if (problem !== null)
        throw dicomError(
          "DICOM_DUPLICATE_POSITION",
          `${a.file.name} and ${b.file.name} have the same SOPInstanceUID, but ${problem}`,
        );
      dropped.add(b.file);
    }
  }
  if (dropped.size === 0) return frames;
  const names = [...dropped].slice(0, 5).map(({ name }) => name);
  const more = dropped.size > names.length ? ", …" : "";
  warnings.push({
    code: "duplicate-instance",
    message: `${counted(dropped.size, "file")} with an instance that another file has too left out: ${names.join(", ")}${more}`,
  });
  return frames.filter(({ file }) => !dropped.has(file));
}

const isSamePlace = (one: readonly ImageFrame[], other: readonly ImageFrame[]): boolean =>
  one.length === other.length && one.every((frame, i) => `${frame.positionMm}` === `${other[i]!.positionMm}`);

/** Compares pixels as they are stored, or their values if the files are written differently. */
async function haveSamePixels(
  one: readonly ImageFrame[],
  other: readonly ImageFrame[],
  decoding: DecodeOptions,
): Promise<boolean> {
  const [a, b] = [one[0]!, other[0]!];
  if (a.file.syntax.uid === b.file.syntax.uid)
    return (await pixelDigest(a.file)) === (await pixelDigest(b.file));
  const [values, otherValues] = await Promise.all([one, other].map((frames) => valuesOf(frames, decoding)));
  return values!.equals(otherValues!);
}

async function valuesOf(frames: readonly ImageFrame[], decoding: DecodeOptions): Promise<Buffer> {
  const [{ rows, columns }] = frames as [ImageFrame];
  const values = await decodeStack(
    { frames, geometry: { sizeZyx: [frames.length, rows, columns] } },
    decoding,
  );
  return Buffer.from(values.buffer);
}

const chunkBytes = 1 << 20;

/** Returns a digest of the pixels as they are stored. */
function pixelDigest({ path, pixels, deflated }: DicomFile): Promise<string> {
  const { at, length } = deflated ?? pixels!;
  return withFileBytes(path, async (reader) => {
    const hash = createHash("sha256");
    for (let done = 0; done < length; done += chunkBytes)
      hash.update(reader.read(at + done, Math.min(chunkBytes, length - done)));
    return hash.digest("hex");
  });
}

import { openRegularFile } from "../../files/read-text-file.js";
import { numberOf } from "./element-values.js";
import { dicomError } from "./errors.js";
import type { Fragment, Fragments } from "./fragments.js";
import { type DicomFile, nativeBytes } from "./read-dicom-file.js";
import { tags } from "./tags.js";

/** Far more than the frames of any examination; each takes memory, whatever the size of the file. */
const mostFrames = 1 << 20;

/**
 * Returns the parts of a file that hold each frame.
 *
 * @throws DICOM_BROKEN_FILE if the file has fewer pixels than its header says, or it is unclear which fragment belongs to
 *   which frame
 */
export async function frameParts(file: DicomFile): Promise<readonly (readonly Fragment[])[]> {
  const { dataSet, pixels } = file;
  const count = numberOf(dataSet, tags.NumberOfFrames) ?? 1;
  const { encapsulated, at, length } = pixels!;
  if (!Number.isInteger(count) || count < 1 || count > mostFrames)
    throw dicomError("DICOM_BROKEN_FILE", `${file.name}: NumberOfFrames is ${count}`);
  if (encapsulated === null) {
    const allBytes = nativeBytes(dataSet);
    if (allBytes > length)
      throw dicomError(
        "DICOM_BROKEN_FILE",
        `${file.name}: its header announces ${allBytes} bytes of pixels, but it has ${length}`,
      );
    const frameBytes = allBytes / count;
    // Bytes that are swapped in pairs come in pairs, even if the image has an odd number of them.
    const bytes = count === 1 ? Math.min(length, frameBytes + (frameBytes % 2)) : frameBytes;
    return Array.from({ length: count }, (_, i) => [{ at: at + i * frameBytes, length: bytes }]);
  }
  const { fragments } = encapsulated;
  if (count === 1) return [fragments];
  if (fragments.length === count) return fragments.map((fragment) => [fragment]);
  const starts = startsByOffsets(encapsulated, count) ?? (await startsByMarkers(file, fragments));
  if (starts.length !== count || starts[0] !== 0)
    throw dicomError(
      "DICOM_BROKEN_FILE",
      `${file.name}: ${fragments.length} fragments can't be assigned to ${count} frames`,
    );
  return starts.map((start, i) => fragments.slice(start, starts[i + 1] ?? fragments.length));
}

/** Returns the first fragment of each frame by the Basic Offset Table; null if the table does not say it. */
function startsByOffsets({ offsets, fragments }: Fragments, count: number): readonly number[] | null {
  if (offsets.length !== count) return null;
  const [first] = fragments;
  // Offsets count from the item of the first fragment, whose header has 8 bytes.
  const byOffset = new Map(fragments.map(({ at }, i) => [at - first!.at, i]));
  const starts = offsets.map((offset) => byOffset.get(offset) ?? -1);
  return starts.every((start, i) => start > (starts[i - 1] ?? -1)) ? starts : null;
}

/** Returns the fragments that begin as a JPEG (FFD8) or JPEG 2000 (FF4F) stream does. */
async function startsByMarkers(
  { path }: DicomFile,
  fragments: readonly Fragment[],
): Promise<readonly number[]> {
  const file = await openRegularFile(path);
  try {
    const starts: number[] = [];
    const marker = Buffer.alloc(2);
    for (const [i, { at }] of fragments.entries()) {
      await file.read(marker, 0, 2, at);
      if (marker[0] === 0xff && (marker[1] === 0xd8 || marker[1] === 0x4f)) starts.push(i);
    }
    return starts;
  } finally {
    await file.close();
  }
}

import { createHash } from "node:crypto";
import { counted } from "../../contract/counted.js";
import { withFileBytes } from "./byte-reader.js";
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
): Promise<readonly ImageFrame[]> {
  const files = new Map(frames.map((frame) => [frame.file, frame]));
  const instances = groupBy(files.values(), ({ sopInstanceUid }) => sopInstanceUid);
  const dropped = new Set<DicomFile>();
  for (const copies of instances.values()) {
    const [first, ...others] = copies as [ImageFrame, ...ImageFrame[]];
    if (others.length === 0) continue;
    const digest = await pixelDigest(first.file);
    for (const other of others) {
      if ((await pixelDigest(other.file)) !== digest)
        throw dicomError(
          "DICOM_DUPLICATE_POSITION",
          `${first.file.name} and ${other.file.name} have the same SOPInstanceUID, but different pixels`,
        );
      dropped.add(other.file);
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

const chunkBytes = 1 << 20;

/** Returns a digest of the pixels as they are stored. */
function pixelDigest({ path, pixels, deflated, syntax }: DicomFile): Promise<string> {
  const { at, length } = deflated ?? pixels!;
  return withFileBytes(path, async (reader) => {
    const hash = createHash("sha256").update(syntax.uid);
    for (let done = 0; done < length; done += chunkBytes)
      hash.update(reader.read(at + done, Math.min(chunkBytes, length - done)));
    return hash.digest("hex");
  });
}

import { openRegularFile } from "../../../processor/files/read-text-file.js";
import { numberOf, stringOf, uint16Of } from "../../../processor/imaging/dicom/element-values.js";
import { type DicomFile, readDicomFile } from "../../../processor/imaging/dicom/read-dicom-file.js";
import { sopClassKind } from "../../../processor/imaging/dicom/sop-classes.js";
import { tags } from "../../../processor/imaging/dicom/tags.js";
import { type Finding, fail, notChecked, pass } from "../../ground/finding.js";
import type { Segmentation } from "./phase-result.js";

const segmentSequence = 0x00620002;
const segmentationType = 0x00620001;
const segmentIdentification = 0x0062000a;
const referencedSegment = 0x0062000b;
const roiSequence = 0x30060020;

/**
 * Checks a DICOM result: a binary segmentation must have the voxels of the image that the run wrote for the same case, and a
 * structure set a structure for each of its labels.
 *
 * @param name the path below the output folder
 * @param segmentation null if the run wrote no image for the case
 */
export async function lintDicom(
  path: string,
  name: string,
  segmentation: Segmentation | null,
): Promise<Finding> {
  let file: DicomFile | null;
  try {
    file = await readDicomFile(path);
  } catch (error) {
    return fail("dicom", error instanceof Error ? error.message : String(error), rewrite);
  }
  if (file === null)
    return fail("dicom", `${name}: it is not DICOM, although its name ends as if it were`, rewrite);
  const wanted = segmentation?.labels.filter(({ label, voxels }) => label > 0 && voxels > 0) ?? null;
  const { dataSet } = file;
  if (sopClassKind(stringOf(dataSet, tags.SOPClassUID) ?? "") === "segmentation") {
    const type = stringOf(dataSet, segmentationType) ?? "LABELMAP";
    const segments = dataSet.items(segmentSequence).length;
    if (type !== "BINARY" || wanted === null)
      return pass("dicom", `${name}: a segmentation (${type}) of ${segments} segments, complete`);
    const found = await voxelsOfSegments(file);
    return isSame(
      found,
      wanted.map(({ voxels }) => voxels),
    )
      ? pass("dicom", `${name}: ${segments} segments with the voxels of ${segmentation!.path}`)
      : fail(
          "dicom",
          `${name}: its segments have ${found.join(", ")} voxels, but the labels of ${segmentation!.path} have ${wanted.map(({ voxels }) => voxels).join(", ")}`,
          rewrite,
        );
  }
  const structures = dataSet.items(roiSequence).length;
  if (structures === 0) return notChecked("dicom", `${name}: neither a segmentation nor a structure set`);
  return wanted === null || structures === wanted.length
    ? pass("dicom", `${name}: ${structures} structures, complete`)
    : fail("dicom", `${name}: ${structures} structures, but ${wanted.length} labels in the image`, rewrite);
}

const rewrite = "Build the image again; the result was damaged, or changed after it was written.";

const isSame = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((value, i) => value === other[i]);

const frameBytesAtOnce = 1 << 24;

/** Counts the bits of each segment of a binary segmentation, in the order of the segments. */
async function voxelsOfSegments(file: DicomFile): Promise<readonly number[]> {
  const { dataSet, pixels, path } = file;
  const counts = dataSet.items(segmentSequence).map(() => 0);
  const frames = dataSet.items(tags.PerFrameFunctionalGroupsSequence).map((frame) => {
    const [identification] = frame.items(segmentIdentification);
    return identification === undefined ? 0 : (uint16Of(identification, referencedSegment) ?? 0);
  });
  const bits = (uint16Of(dataSet, tags.Rows) ?? 0) * (uint16Of(dataSet, tags.Columns) ?? 0);
  const total = Math.min(bits * (numberOf(dataSet, tags.NumberOfFrames) ?? 1), (pixels?.length ?? 0) * 8);
  const opened = await openRegularFile(path);
  try {
    const bytes = Buffer.alloc(Math.min(frameBytesAtOnce, Math.ceil(total / 8)));
    for (let from = 0; from < total; from += bytes.length * 8) {
      await opened.read(bytes, 0, bytes.length, pixels!.at + from / 8);
      const until = Math.min(total - from, bytes.length * 8);
      for (let bit = 0; bit < until; bit++) {
        if (bytes[bit >> 3] === 0) bit |= 7;
        else if ((bytes[bit >> 3]! >> (bit & 7)) & 1) counts[frames[Math.floor((from + bit) / bits)]! - 1]!++;
      }
    }
  } finally {
    await opened.close();
  }
  return counts;
}

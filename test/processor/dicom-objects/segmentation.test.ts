import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { metadataOfLabels } from "../../../processor/dicom-objects/metadata-of-labels.js";
import { storedProbability } from "../../../processor/dicom-objects/write-fractional.js";
import { writeBinarySegmentation } from "../../../processor/dicom-objects/write-segmentation.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import {
  caseFolder,
  type SegmentationCase,
  segmentationCase,
  testDefaults,
  writeGoldenSegmentation,
} from "../../support/dicom/golden-objects.js";
import { goldenSeries } from "../../support/dicom/golden-series.js";
import { type ReadItem, readObject } from "../../support/dicom/read-object.js";
import { goldenPath } from "../../support/golden.js";

const folder = mkdtempSync(join(tmpdir(), "dicom-segmentation-"));
afterAll(() => rmSync(folder, { recursive: true }));

const cases = readdirSync(goldenPath("dicom", "seg")).filter((name) => !name.includes("."));
const written = cases
  .map(segmentationCase)
  .filter(({ outcome }) => ["accept", "empty-template", "either"].includes(outcome));

async function write(found: SegmentationCase): Promise<ReadItem> {
  const path = join(folder, `${found.case}.dcm`);
  expect(await writeGoldenSegmentation(found, path)).toBe("written");
  return readObject(path);
}

test("there are 23 cases", () => expect(cases).toHaveLength(23));

describe.each(written)("the segmentation $case", (found) => {
  test("has its voxels again", async () => {
    const object = await write(found);
    const series = goldenSeries(join(caseFolder("seg", found.case), found.source));
    const read = volumesOf(object, series.geometry.sizeZyx);
    const wanted = await wantedVolumes(found);
    expect([...read.keys()]).toEqual([...wanted.keys()]);
    for (const [number, volume] of wanted) expect(Buffer.compare(read.get(number)!, volume)).toBe(0);
  });

  test("has only frames with voxels, by segment and then by position", async () => {
    const object = await write(found);
    const frames = object.list("PerFrameFunctionalGroupsSequence");
    expect(frames).toHaveLength(object.number("NumberOfFrames"));
    const indices = frames.map((frame) =>
      frame.first("FrameContentSequence").numbers("DimensionIndexValues"),
    );
    expect(indices).toEqual([...indices].sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!));
    if (found.segmentationType === "LABELMAP") return;
    expect(planesOf(object).every((plane) => plane.some((value) => value > 0))).toBe(true);
  });

  test("refers from each frame to the image at its position", async () => {
    const object = await write(found);
    const { reference } = goldenSeries(join(caseFolder("seg", found.case), found.source));
    for (const frame of object.list("PerFrameFunctionalGroupsSequence")) {
      const position = frame.first("PlanePositionSequence").numbers("ImagePositionPatient");
      const source = frame.first("DerivationImageSequence").first("SourceImageSequence");
      const slice = reference.slices.find(
        ({ sopInstanceUid, frameNumber }) =>
          sopInstanceUid === source.text("ReferencedSOPInstanceUID") &&
          String(frameNumber ?? "") === (source.text("ReferencedFrameNumber") ?? ""),
      );
      expect(slice?.positionPatientMm).toEqual(position);
      expect(source.text("SpatialLocationsPreserved")).toBe("YES");
    }
    const listed = object.first("ReferencedSeriesSequence").list("ReferencedInstanceSequence");
    expect(listed).toHaveLength(new Set(reference.slices.map(({ sopInstanceUid }) => sopInstanceUid)).size);
  });
});

test.each(written.filter(({ expected }) => expected !== undefined))(
  "$case numbers its segments and frames as expected",
  async (found) => {
    const object = await write(found);
    const { segmentNumbers, frames, pixelBytes } = found.expected!;
    const numbers = object.list("SegmentSequence").map((segment) => segment.number("SegmentNumber"));
    expect(numbers).toEqual(Object.values(segmentNumbers));
    expect(object.bytes("PixelData")).toHaveLength(pixelBytes);
    const { reference } = goldenSeries(join(caseFolder("seg", found.case), found.source));
    const heights = reference.slices.map(({ positionPatientMm }) => positionPatientMm.join());
    const read = object
      .list("PerFrameFunctionalGroupsSequence")
      .map((frame) => [
        frame.first("SegmentIdentificationSequence").number("ReferencedSegmentNumber"),
        heights.indexOf(frame.first("PlanePositionSequence").numbers("ImagePositionPatient").join()),
      ]);
    expect(read).toEqual(frames);
  },
);

test.each(written.filter(({ segments }) => segments !== undefined))(
  "$case has the codes of its names",
  async (found) => {
    const object = await write(found);
    const read = object.list("SegmentSequence").map((segment) => {
      const type = segment.first("SegmentedPropertyTypeCodeSequence");
      const modifier = type.list("SegmentedPropertyTypeModifierCodeSequence")[0];
      return {
        number: segment.number("SegmentNumber"),
        label: segment.text("SegmentLabel"),
        trackingId: segment.text("TrackingID"),
        category: codeOf(segment.first("SegmentedPropertyCategoryCodeSequence")),
        type: codeOf(type),
        modifier: modifier === undefined ? null : codeOf(modifier),
      };
    });
    expect(read).toEqual(found.segments);
  },
);

const codeOf = (item: ReadItem) => ({
  value: item.text("CodeValue"),
  scheme: item.text("CodingSchemeDesignator"),
  meaning: item.text("CodeMeaning"),
});

test("urinary_bladder is the urinary bladder", async () => {
  const object = await write(segmentationCase("inline_underscore"));
  const types = object
    .list("SegmentSequence")
    .map((item) => codeOf(item.first("SegmentedPropertyTypeCodeSequence")));
  expect(types[1]).toEqual({ value: "89837001", scheme: "SCT", meaning: "Urinary bladder" });
});

test("a map without labels gives no file", async () => {
  const path = join(folder, "none.dcm");
  expect(await writeGoldenSegmentation(segmentationCase("empty_map"), path)).toBe("empty");
  expect(readdirSync(folder)).not.toContain("none.dcm");
});

test("a label that the metadata does not describe is refused", async () => {
  await expect(
    writeGoldenSegmentation(segmentationCase("label_not_in_template"), join(folder, "no.dcm")),
  ).rejects.toThrow(expect.objectContaining({ code: "DICOM_LABEL_WITHOUT_SEGMENT" }));
});

test("an unknown name is refused with a similar one", async () => {
  await expect(
    writeGoldenSegmentation(segmentationCase("inline_unknown"), join(folder, "no.dcm")),
  ).rejects.toThrow(
    expect.objectContaining({
      code: "DICOM_UNKNOWN_SEGMENT_NAME",
      message: expect.stringContaining('"Prostate"'),
    }),
  );
});

test("a segmentation of another size is refused", async () => {
  const series = goldenSeries(goldenPath("dicom", "sources", "ct_axial"));
  const geometry = { ...series.geometry, sizeZyx: [11, 28, 32] as const };
  const labelMap = { voxels: new Uint8Array(11 * 28 * 32).fill(1), geometry };
  const metadata = metadataOfLabels([{ label: 1, name: "liver" }], testDefaults);
  await expect(
    writeBinarySegmentation(join(folder, "no.dcm"), labelMap, { series, metadata, modelId: "" }),
  ).rejects.toThrow(expect.objectContaining({ code: "DICOM_SHAPE_MISMATCH" }));
});

test("a name in Latin-1 and labels in Chinese are both in UTF-8", async () => {
  const object = await write(segmentationCase("source_latin1_labels_utf8"));
  const source = readFileSync(join(goldenPath("dicom", "sources", "mr_latin1"), "IM0001.dcm"));
  const name = object.text("PatientName")!;
  expect(source.includes(Buffer.from(name, "latin1"))).toBe(true);
  expect(name).toMatch(/[^\x20-\x7e]/);
  expect(object.text("SpecificCharacterSet")).toBe("ISO_IR 192");
});

test("what the source does not say about the patient is empty, not invented", async () => {
  const object = await write(segmentationCase("source_minimal_tags"));
  for (const keyword of ["PatientSex", "PatientBirthDate", "AccessionNumber", "StudyID"] as const)
    expect(object.text(keyword)).toBe("");
});

test("frames without voxels are written on request, and the voxels are the same", async () => {
  const found = segmentationCase("two_segments");
  const usual = await write(found);
  const path = join(folder, "all-frames.dcm");
  expect(await writeGoldenSegmentation(found, path, { keepsEmptyFrames: true })).toBe("written");
  const object = readObject(path);
  const { geometry } = goldenSeries(join(caseFolder("seg", found.case), found.source));
  expect(object.number("NumberOfFrames")).toBe(2 * geometry.sizeZyx[0]);
  expect(volumesOf(object, geometry.sizeZyx)).toEqual(volumesOf(usual, geometry.sizeZyx));
  expect(object.text("SOPInstanceUID")).not.toBe(usual.text("SOPInstanceUID"));
});

test("UIDs are new random ones each time", async () => {
  const found = segmentationCase("two_segments");
  const uids = [];
  for (const name of ["one.dcm", "two.dcm"]) {
    await writeGoldenSegmentation(found, join(folder, name));
    const object = readObject(join(folder, name));
    uids.push(object.text("SOPInstanceUID"), object.text("SeriesInstanceUID"));
  }
  expect(new Set(uids).size).toBe(4);
  for (const uid of uids) {
    expect(uid).toMatch(/^2\.25\.[1-9]\d{1,38}$/);
    const digits = BigInt(uid!.slice("2.25.".length)).toString(16).padStart(32, "0");
    expect([digits[12], "89ab".includes(digits[16]!)]).toEqual(["4", true]);
  }
});

test("with derived UIDs the same input gives the same bytes, and other voxels other UIDs", async () => {
  const paths = ["one.dcm", "two.dcm"].map((name) => join(folder, name));
  const found = segmentationCase("two_segments");
  for (const path of paths) await writeGoldenSegmentation(found, path, { uids: "derived" });
  expect(readFileSync(paths[0]!).equals(readFileSync(paths[1]!))).toBe(true);
  const otherPath = join(folder, "other.dcm");
  await writeGoldenSegmentation(segmentationCase("five_one_absent"), otherPath, { uids: "derived" });
  const other = readObject(otherPath);
  for (const keyword of ["SOPInstanceUID", "SeriesInstanceUID"] as const) {
    expect(readObject(paths[0]!).text(keyword)).toMatch(/^2\.25\.[1-9]\d{1,38}$/);
    expect(readObject(paths[0]!).text(keyword)).not.toBe(other.text(keyword));
  }
});

/** The frames of an object, one value for each pixel. */
function planesOf(object: ReadItem): readonly Buffer[] {
  const pixels = object.bytes("PixelData");
  const plane = object.number("Rows") * object.number("Columns");
  const isBits = object.number("BitsAllocated") === 1;
  return Array.from({ length: object.number("NumberOfFrames") }, (_, frame) =>
    Buffer.from(
      Array.from({ length: plane }, (_, i) => {
        const place = frame * plane + i;
        return isBits ? (pixels[place >>> 3]! >>> (place & 7)) & 1 : pixels[place]!;
      }),
    ),
  );
}

/** One volume for each segment; of a label map one for each label. */
function volumesOf(object: ReadItem, sizeZyx: readonly number[]): ReadonlyMap<number, Buffer> {
  const positions = new Map<number, Buffer>();
  const isLabelMap = object.text("SegmentationType") === "LABELMAP";
  const heights = sliceHeights(object);
  const plane = sizeZyx[1]! * sizeZyx[2]!;
  const volume = (number: number): Buffer => {
    const found = positions.get(number) ?? Buffer.alloc(sizeZyx[0]! * plane);
    positions.set(number, found);
    return found;
  };
  planesOf(object).forEach((pixels, i) => {
    const frame = object.list("PerFrameFunctionalGroupsSequence")[i]!;
    const z = heights[i]!;
    if (!isLabelMap) {
      const number = frame.first("SegmentIdentificationSequence").number("ReferencedSegmentNumber");
      pixels.copy(volume(number), z * plane);
      return;
    }
    for (const label of object.list("SegmentSequence").map((segment) => segment.number("SegmentNumber")))
      Buffer.from(pixels.map((value) => (value === label ? 1 : 0))).copy(volume(label), z * plane);
  });
  return positions;
}

/** The slice of each frame, by the instance and frame that it refers to. */
function sliceHeights(object: ReadItem): readonly number[] {
  const series = object.first("ReferencedSeriesSequence");
  const { reference } = goldenSeries(sourceOf.get(series.text("SeriesInstanceUID")!)!);
  return object.list("PerFrameFunctionalGroupsSequence").map((frame) => {
    const source = frame.first("DerivationImageSequence").first("SourceImageSequence");
    return reference.slices.findIndex(
      ({ sopInstanceUid, frameNumber }) =>
        sopInstanceUid === source.text("ReferencedSOPInstanceUID") &&
        String(frameNumber ?? "") === (source.text("ReferencedFrameNumber") ?? ""),
    );
  });
}

const sourceOf = new Map(
  readdirSync(goldenPath("dicom", "sources")).map((name) => {
    const path = goldenPath("dicom", "sources", name);
    return [goldenSeries(path).reference.seriesInstanceUid, path];
  }),
);

async function wantedVolumes(found: SegmentationCase): Promise<ReadonlyMap<number, Buffer>> {
  const input = caseFolder("seg", found.case);
  const read = async (name: string) => (await readImage(join(input, name))).voxels as Float32Array;
  if (found.probabilities !== undefined || found.masks !== undefined) {
    const names = found.probabilities ?? found.masks!;
    const volumes = await Promise.all(names.map(read));
    const stored = (value: number): number => (found.masks === undefined ? storedProbability(value) : value);
    return new Map(volumes.map((volume, i) => [i + 1, Buffer.from(Uint8Array.from(volume, stored))]));
  }
  const labels = Uint8Array.from(await read(found.labels!), Number);
  if (found.outcome === "empty-template") labels[0] = 1;
  const present = [...new Set(labels)].filter((label) => label > 0).sort((a, b) => a - b);
  return new Map(
    present.map((label, i) => [
      found.segmentationType === "LABELMAP" ? label : i + 1,
      Buffer.from(labels.map((value) => (value === label ? 1 : 0))),
    ]),
  );
}

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { strictReading } from "../../../../processor/contract/dicom-settings.js";
import type { ProcessorError } from "../../../../processor/contract/errors.js";
import { readDicomSeries } from "../../../../processor/imaging/dicom/read-dicom-series.js";
import { type ElementChange, phantom, phantomSlice } from "../../../support/dicom/phantom-series.js";
import { dicomFile } from "../../../support/images/dicom-builder.js";
import { neverStopped } from "../../../support/never-stopped.js";

const scratch = mkdtempSync(join(tmpdir(), "reading-rules-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "ct-"));
});

/** Changes of the slice z. */
type Changes = (z: number) => readonly ElementChange[];

const slices = [0, 1, 2, 3];

function put(changes: Changes): void {
  for (const z of slices) writeFileSync(join(folder, `IM${z}`), dicomFile(phantomSlice(z, changes(z))));
}

/** Returns the codes of the warnings, or the code of the refusal with its message. */
const read = (): Promise<readonly string[] | string> =>
  readDicomSeries(folder, strictReading, neverStopped()).then(
    ({ warnings }) => warnings.map(({ code }) => code),
    ({ code, message }: ProcessorError) => `${code}: ${message}`,
  );

const text = (tag: number, vr: string, value: string): ElementChange => [tag, [vr, value]];
const number = (tag: number, value: number): ElementChange => [tag, ["US", [value]]];
const every =
  (...changes: readonly ElementChange[]): Changes =>
  () =>
    changes;
const onlyOne =
  (...changes: readonly ElementChange[]): Changes =>
  (z) =>
    z === 1 ? changes : [];

const orientation = (value: string) => text(0x00200037, "DS", value);
const spacing = (value: string) => text(0x00280030, "DS", value);
const position = (value: string) => text(0x00200032, "DS", value);
const slope = (value: string) => text(0x00281053, "DS", value);
const imageType = (value: string) => text(0x00080008, "CS", value);
const at = (z: number, { shift = 0, drift = 0 }) => position(`${-10 + drift}\\-20\\${30 + 2.5 * z + shift}`);

describe("a series is read", () => {
  test.each<[string, Changes]>([
    ["if orientations differ by rounding", onlyOne(orientation("1\\0.0009\\0\\0\\1\\0"))],
    ["if spacings differ by rounding", onlyOne(spacing("1.10005\\0.9"))],
    [
      "if positions are within 1 % of a step of a regular grid",
      (z) => [at(z, { shift: z === 1 ? 0.02 : 0 })],
    ],
    ["if slices drift sideways by less than 1 % of a step", (z) => [at(z, { drift: 0.02 * z })]],
    ["with an empty RescaleSlope, which is 1", every(slope(""))],
    ["if it is of localizers only", every(imageType("ORIGINAL\\PRIMARY\\LOCALIZER"))],
    ["as secondary captures with positions", every(text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"))],
    ["without a frame of reference", every([0x00200052, null])],
  ])("%s", async (_, changes) => {
    put(changes);
    expect(await read()).toEqual([]);
  });

  test.each([
    "ORIGINAL\\PRIMARY\\SCREEN SAVE",
    "ORIGINAL\\PRIMARY\\CSA REPORT",
    "DERIVED\\PRIMARY",
    "ORIGINAL\\SECONDARY",
  ])("without an image of type %s that has no position", async (type) => {
    put(every());
    const report = [imageType(type), text(0x00080018, "UI", "2.25.9"), [0x00200032, null]] as const;
    writeFileSync(join(folder, "report"), dicomFile(phantomSlice(0, report)));
    expect(await read()).toEqual(["ignored-no-position"]);
  });

  test("next to files that are not DICOM, and empty hidden ones", async () => {
    put(every());
    writeFileSync(join(folder, "readme.txt"), "not DICOM, but long enough to look at its first bytes");
    writeFileSync(join(folder, ".hidden"), "");
    expect(await read()).toEqual([]);
  });
});

describe("a series is refused", () => {
  test.each<[string, Changes, string]>([
    ["if orientations differ", onlyOne(orientation("1\\0.0021\\0\\0\\1\\0")), "DICOM_MIXED_ORIENTATION"],
    ["if spacings differ", onlyOne(spacing("1.1003\\0.9")), "DICOM_MIXED_SPACING"],
    ["if only some have a frame of reference", onlyOne([0x00200052, null]), "DICOM_MIXED_FRAME_OF_REFERENCE"],
    [
      "if rows and columns are not perpendicular",
      every(orientation("1\\0\\0\\0.1\\1\\0")),
      "DICOM_BROKEN_FILE: IM0: orientation not orthonormal",
    ],
    ["if a cosine vector is not of length 1", every(orientation("1.02\\0\\0\\0\\1\\0")), "DICOM_BROKEN_FILE"],
    [
      "if steps are uneven",
      (z) => [at(z, { shift: z === 1 ? 0.06 : 0 })],
      "DICOM_NONUNIFORM_SPACING: the steps between slices are from 2.44 mm to 2.56 mm",
    ],
    [
      "if the gantry is tilted, with the angle",
      (z) => [at(z, { drift: 0.5 * z })],
      "DICOM_GANTRY_TILT: the slices are shifted against each other, as by a gantry tilted by 11.3°",
    ],
    ["if a position is not a number", onlyOne(position("nan\\-20\\32.5")), "DICOM_NO_POSITION: IM1"],
    ["if a spacing is negative", every(spacing("-1\\1")), "DICOM_NO_PIXEL_SPACING: IM0"],
    ["if a spacing has one value", every(spacing("1")), "DICOM_NO_PIXEL_SPACING"],
    ["if RescaleSlope is 0", onlyOne(slope("0")), "DICOM_BROKEN_FILE: IM1: RescaleSlope is 0"],
    ["if RescaleSlope is not a number", onlyOne(slope("NaN")), "DICOM_BROKEN_FILE: IM1"],
    ["if RescaleSlope is hexadecimal", onlyOne(slope("0x10")), "DICOM_BROKEN_FILE: IM1"],
    [
      "if values come from a table",
      every([0x00283000, ["SQ", ""]]),
      "DICOM_UNSUPPORTED_PIXELS: IM0: its values come from a table",
    ],
    [
      "with 12 bits allocated",
      every(number(0x00280100, 12)),
      "DICOM_UNSUPPORTED_PIXELS: IM0: its pixels have 12 bits",
    ],
    ["with 64 bits allocated", every(number(0x00280100, 64)), "DICOM_UNSUPPORTED_PIXELS"],
    ["with a palette", every(text(0x00280004, "CS", "PALETTE COLOR")), "DICOM_COLOUR_IMAGE: IM0"],
    ["with bits outside of those allocated", every(number(0x00280102, 16)), "DICOM_BROKEN_FILE: IM0: bits"],
  ])("%s", async (_, changes, says) => {
    put(changes);
    expect((await read()).slice(0, says.length)).toBe(says);
  });

  test("with a missing slice, naming its neighbours", async () => {
    put((z) => [at(z, { shift: z === 3 ? 2.5 : 0 })]);
    expect(await read()).toBe("DICOM_SLICE_GAP: 1 of 5 slices is missing, the first between IM2 and IM3");
  });

  test.each(["x.ima", "x.DICOM", "x.dcm"])("with the file %s that is not DICOM", async (name) => {
    put(every());
    writeFileSync(join(folder, name), "not DICOM, but long enough to look at its first bytes");
    expect(await read()).toBe(
      `DICOM_BROKEN_FILE: ${name}: it is not DICOM, although its name ends as if it were`,
    );
  });

  test("with more than 4 GiB of pixels, before they are read", async () => {
    const [rows, columns] = [32768, 32767];
    for (const z of slices.slice(0, 3)) {
      const changes = [number(0x00280010, rows), number(0x00280011, columns)];
      const file = dicomFile(phantomSlice(z, changes));
      // The length of the pixels is before them, and the pixels are a hole in the file.
      const pixelBytes = 2 * phantom.sizeZyx[1] * phantom.sizeZyx[2];
      file.writeUInt32LE(rows * columns * 2, file.length - pixelBytes - 4);
      writeFileSync(join(folder, `IM${z}`), file);
      truncateSync(join(folder, `IM${z}`), file.length - pixelBytes + rows * columns * 2);
    }
    expect(await read()).toMatch(/^DICOM_TOO_LARGE: the pixels of the series have 6442254336 bytes/);
  });
});

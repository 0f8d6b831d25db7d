import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type DicomSettings, strictReading } from "../../../../processor/contract/dicom-settings.js";
import type { ProcessorError } from "../../../../processor/contract/errors.js";
import { readDicomSeries } from "../../../../processor/imaging/dicom/read-dicom-series.js";
import { phantom, phantomSlice } from "../../../support/dicom/phantom-series.js";
import { type DicomElements, dicomFile, writeDicomSeries } from "../../../support/images/dicom-builder.js";
import { neverStopped } from "../../../support/never-stopped.js";

const scratch = mkdtempSync(join(tmpdir(), "read-series-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "ct-"));
  writeDicomSeries(folder, phantom);
});

const add = (elements: DicomElements, name = "another.dcm"): void =>
  writeFileSync(join(folder, name), dicomFile(elements));

/** Returns the voxels with the warnings, or the code of the refusal. */
const read = (options: Partial<DicomSettings> = {}): Promise<unknown> =>
  readDicomSeries(folder, { ...strictReading, ...options }, neverStopped()).then(
    ({ voxels, warnings }) => [Array.from(voxels), warnings.map(({ code }) => code)],
    ({ code }: ProcessorError) => code,
  );

const whole = Array.from(phantom.voxels);
const otherSeries = [
  [0x00080018, ["UI", "2.25.4"]],
  [0x0020000e, ["UI", "2.25.5"]],
] as const;
const [position, orientation] = [0x00200032, 0x00200037];

describe("beside the images of a series", () => {
  test("a DICOMDIR does not count, even if it is damaged", async () => {
    writeFileSync(join(folder, "DICOMDIR"), dicomFile(phantomSlice(0, [])).subarray(0, 300));
    expect(await read()).toEqual([whole, []]);
  });

  test("an object of a maker's own class without pixels does not count", async () => {
    const pixels = [0x00280010, 0x00280011, 0x7fe00010, position, orientation].map(
      (tag) => [tag, null] as const,
    );
    add(phantomSlice(0, [...otherSeries, ...pixels, [0x00080016, ["UI", "1.3.12.2.1107.5.9.1"]]]));
    expect(await read()).toEqual([whole, []]);
  });

  test.each([
    ["a dose", "1.2.840.10008.5.1.4.1.1.481.2", []],
    [
      "an ultrasound image",
      "1.2.840.10008.5.1.4.1.1.6.1",
      [
        [position, null],
        [orientation, null],
      ] as const,
    ],
  ])("%s is refused by its class, unless the series is chosen", async (_, sopClass, changes) => {
    add(phantomSlice(0, [...otherSeries, ...changes, [0x00080016, ["UI", sopClass]]]));
    expect(await read()).toBe("DICOM_UNSUPPORTED_SOP_CLASS");
    expect(await read({ seriesInstanceUid: "2.25.2" })).toEqual([whole, []]);
  });
});

test("a secondary capture without a position is refused by its class", async () => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  const capture = ["UI", "1.2.840.10008.5.1.4.1.1.7"] as const;
  add(
    phantomSlice(0, [
      [0x00080016, capture],
      [position, null],
    ]),
  );
  expect(await read()).toBe("DICOM_UNSUPPORTED_SOP_CLASS");
});

test("the UID of a study has only digits and dots", async () => {
  add(phantomSlice(0, [[0x0020000d, ["UI", "../../etc"]]]), "IM0001.dcm");
  expect(await read()).toBe("DICOM_INVALID_UID");
});

describe("an instance that is there twice", () => {
  test("counts once, also if the copy is in another transfer syntax", async () => {
    writeFileSync(join(folder, "copy.dcm"), deflated(join(folder, "IM0002.dcm")));
    expect(await read()).toEqual([whole, ["duplicate-instance"]]);
  });

  test("is refused with another position", async () => {
    add(phantomSlice(1, [[position, ["DS", "-10\\-20\\40"]]]));
    expect(await read()).toBe("DICOM_DUPLICATE_POSITION");
  });
});

test("a few compressed bytes are not an image of gigabytes", async () => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  const size = ["US", Uint8Array.of(0x30, 0x75)] as const;
  const stream = Buffer.from("ffd8fff7000b1075307530010111000000ffd9", "hex");
  const elements = phantomSlice(0, [
    [0x00280010, size],
    [0x00280011, size],
    [0x7fe00010, null],
  ]);
  writeFileSync(
    join(folder, "bomb.dcm"),
    Buffer.concat([
      dicomFile(elements, "1.2.840.10008.1.2.4.80"),
      // The pixels: an empty offset table, one fragment, and the delimiter.
      Buffer.from("e07f10004f420000ffffffff" + "feff00e000000000" + "feff00e014000000", "hex"),
      Buffer.concat([stream, Buffer.alloc(1)]),
      Buffer.from("feffdde000000000", "hex"),
    ]),
  );
  await expect(readDicomSeries(folder, strictReading, neverStopped())).rejects.toMatchObject({
    code: "DICOM_BROKEN_FILE",
    message: expect.stringContaining("compressed bytes can't be pixels of 1800000000 bytes"),
  });
});

test("two phases of the heart are two volumes", async () => {
  const phase = (percent: number) => ["FL", new Uint8Array(Float32Array.of(percent).buffer)] as const;
  for (let z = 0; z < phantom.sizeZyx[0]; z++) {
    add(phantomSlice(z, [[0x00209241, phase(0)]]), `IM000${z + 1}.dcm`);
    const uid = ["UI", `2.25.20${z}`] as const;
    add(
      phantomSlice(z, [
        [0x00080018, uid],
        [0x00209241, phase(70)],
      ]),
      `second-${z}.dcm`,
    );
  }
  expect(await read()).toBe("DICOM_SEVERAL_VOLUMES");
});

/** Returns a file with its data set deflated. */
function deflated(path: string): Buffer {
  const plain = readFileSync(path);
  const header = dicomFile(new Map(), "1.2.840.10008.1.2.1.99");
  return Buffer.concat([header, deflateRawSync(plain.subarray(dicomFile(new Map()).length))]);
}

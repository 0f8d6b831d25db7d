import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type DicomSettings, strictReading } from "../../../../processor/contract/dicom-settings.js";
import type { ProcessorError } from "../../../../processor/contract/errors.js";
import { readDicomSeries } from "../../../../processor/imaging/dicom/read-dicom-series.js";
import { type ElementChange, phantomSlice } from "../../../support/dicom/phantom-series.js";
import { dicomFile } from "../../../support/images/dicom-builder.js";
import { neverStopped } from "../../../support/never-stopped.js";

const scratch = mkdtempSync(join(tmpdir(), "choose-volume-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "mr-"));
});

const slices = [0, 1, 2, 3];
const text = (tag: number, vr: string, value: string): ElementChange => [tag, [vr, value]];

/** Adds a volume at the positions of the others. Its values are `number × 1000` higher than the first volume's. */
function add(number: number, changes: readonly ElementChange[], present: readonly number[] = slices): void {
  for (const z of present) {
    const elements = phantomSlice(z, [
      text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4"),
      text(0x00080060, "CS", "MR"),
      text(0x00080018, "UI", `2.25.7${number}${z}`),
      text(0x00281052, "DS", String(number * 1000)),
      ...changes,
    ]);
    writeFileSync(join(folder, `IM${number}_${z}`), dicomFile(elements));
  }
}

/** Returns the number of the volume that is read, or the refusal. */
const read = (options: Partial<DicomSettings> = {}): Promise<number | string> =>
  readDicomSeries(folder, { ...strictReading, ...options }, neverStopped()).then(
    ({ voxels }) => (voxels[0]! + 20) / 1000,
    ({ code, message }: ProcessorError) => `${code}: ${message}`,
  );

const several = "DICOM_SEVERAL_VOLUMES: the series has several volumes, which differ in ";

describe("the volumes of a diffusion series", () => {
  const standard = (b: number): ElementChange => [
    0x00189087,
    ["FD", new Uint8Array(Float64Array.of(b).buffer)],
  ];

  test("are chosen by the nearest b-value, and by the smaller one of two", async () => {
    for (const [i, b] of [0, 800, 1200].entries()) add(i, [standard(b)]);
    expect(await read()).toBe(`${several}b-value (0, 800, 1200)`);
    expect(await read({ bValue: 1100 })).toBe(2);
    expect(await read({ bValue: 1000 })).toBe(1);
    expect(await read({ bValue: 5000 })).toBe(2);
  });

  test("have Siemens' b-values in the block that Siemens reserved", async () => {
    for (const [i, b] of [50, 400].entries())
      add(i, [
        text(0x00190010, "LO", "ANOTHER MAKER"),
        text(0x00190011, "LO", "SIEMENS MR HEADER"),
        text(0x0019100c, "IS", "7"),
        text(0x0019110c, "IS", String(b)),
      ]);
    expect(await read()).toBe(`${several}b-value (50, 400)`);
    expect(await read({ bValue: 400 })).toBe(1);
  });

  test("have GE's b-values, to which 10⁹ may be added", async () => {
    for (const [i, b] of ["0\\8\\0\\0", "1000012000\\8\\0\\0"].entries())
      add(i, [text(0x00430010, "LO", "GEMS_PARM_01"), text(0x00431039, "IS", b)]);
    expect(await read()).toBe(`${several}b-value (0, 12000)`);
    expect(await read({ bValue: 12000 })).toBe(1);
  });
});

describe("volumes at the same positions", () => {
  const echo = (value: number) => text(0x00180086, "IS", String(value));
  const acquisition = (value: number) => text(0x00200012, "IS", String(value));

  test.each([
    ["TemporalPositionIdentifier", "temporalPosition", (i: number) => text(0x00200100, "IS", String(i + 1))],
    ["EchoNumbers", "echoNumber", (i: number) => echo(i + 1)],
    ["AcquisitionNumber", "acquisitionNumber", (i: number) => acquisition(i + 1)],
  ] as const)("are chosen by %s", async (name, option, change) => {
    for (const i of [0, 1]) add(i, [change(i)]);
    expect(await read()).toBe(`${several}${name} (1, 2)`);
    expect(await read({ [option]: 2 })).toBe(1);
    expect(await read({ [option]: 7 })).toBe(`DICOM_SEVERAL_VOLUMES: no image has ${name} 7; there are 1, 2`);
  });

  test.each([
    ["EchoTime (10, 20)", (i: number) => text(0x00180081, "DS", String(10 * i + 10))],
    [
      "ImageType (ORIGINAL\\PRIMARY\\M0, ORIGINAL\\PRIMARY\\M1)",
      (i: number) => text(0x00080008, "CS", `ORIGINAL\\PRIMARY\\M${i}`),
    ],
    ["TriggerTime (0, 500)", (i: number) => text(0x00181060, "DS", String(500 * i))],
    ["StackID (0, 1)", (i: number) => text(0x00209056, "SH", String(i))],
  ] as const)("are told apart by %s", async (says, change) => {
    for (const i of [0, 1]) add(i, [change(i)]);
    expect(await read()).toBe(`${several}${says}`);
  });

  test("may differ in two attributes, which both choose", async () => {
    for (const i of [0, 1, 2, 3]) add(i, [echo((i % 2) + 1), acquisition(i < 2 ? 1 : 2)]);
    expect(await read()).toBe(`${several}EchoNumbers (1, 2) and AcquisitionNumber (1, 2)`);
    expect(await read({ echoNumber: 2 })).toBe(`${several}AcquisitionNumber (1, 2)`);
    expect(await read({ echoNumber: 2, acquisitionNumber: 2 })).toBe(3);
  });

  test("are refused as duplicates if nothing divides them into complete volumes", async () => {
    add(0, [echo(1)]);
    add(1, [echo(2)], [0, 1, 2]);
    expect(await read()).toMatch(
      /^DICOM_DUPLICATE_POSITION: IM\d_\d and IM\d_\d are different images at one position/,
    );
  });
});

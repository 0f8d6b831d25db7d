import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { type DicomSettings, strictReading } from "../../processor/contract/dicom-settings.js";
import type { ProcessorError } from "../../processor/contract/errors.js";
import type { DicomSeries } from "../../processor/imaging/dicom/dicom-series.js";
import { textOf } from "../../processor/imaging/dicom/element-text.js";
import { readDicomSeries, readDicomSeriesAsStored } from "../../processor/imaging/dicom/read-dicom-series.js";
import { tags } from "../../processor/imaging/dicom/tags.js";
import { readNifti } from "../../processor/imaging/formats/nifti/read-nifti.js";
import { repositoryRoot } from "../support/golden.js";

/** The part of `expected.json` that a reader must give; the rest says what other programs do. */
interface ReadCase {
  readonly input: string;
  readonly outcome: "accept" | "refuse";
  readonly expected?: ExpectedVolume;
  readonly tolerance?: number;
  readonly filesInOrder?: readonly string[];
  readonly framesInOrder?: readonly number[];
  readonly warnings?: readonly string[];
  readonly patientName?: string;
  readonly refusal?: string;
  readonly alsoAcceptedRefusals?: readonly string[];
  readonly messageMustContain?: readonly string[];
  readonly withOptions?: Partial<DicomSettings>;
  readonly ifAllowed?: ExpectedVolume;
}

interface ExpectedVolume {
  /** All in the order x, y, z. */
  readonly size: readonly number[];
  readonly spacing: readonly number[];
  readonly origin: readonly number[];
  readonly direction: readonly number[];
  /** SHA-256 of the float32 voxels in little endian. */
  readonly voxelSha256: string;
  readonly filesInOrder?: readonly string[];
}

const folder = join(repositoryRoot, "test", "golden", "dicom", "read");
const cases = readdirSync(folder).map((name) => ({
  name,
  ...(JSON.parse(readFileSync(join(folder, name, "expected.json"), "utf8")) as ReadCase),
}));

const read = (name: string, input: string, options: Partial<DicomSettings> = {}): Promise<DicomSeries> =>
  readDicomSeries(join(folder, name, input), { ...strictReading, ...options }, AbortSignal.timeout(60_000));

describe.each(cases.filter(({ outcome }) => outcome === "accept"))("the series $name", (expected) => {
  test("is read as the volume that it is, with its warnings", async () => {
    const { name, input, warnings = [], filesInOrder, framesInOrder, tolerance = 0 } = expected;
    const series = await read(name, input);
    const codes = series.warnings.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining([...warnings]));
    expect(codes.filter((code) => !warnings.includes(code) && code !== "text-replaced")).toEqual([]);
    checkGeometry(series, expected.expected!, name === "ct_iop_rounded" ? 2e-3 : 1e-5);
    if (tolerance === 0) expect(digestOf(series)).toBe(expected.expected!.voxelSha256);
    else
      expect(await largestDifference(series, join(folder, name, "expected.nii.gz"))).toBeLessThanOrEqual(
        tolerance,
      );
    const files = series.slices.map(({ path }) => basename(path));
    expect([...new Set(files)]).toEqual(filesInOrder?.map((path) => basename(path)));
    if (framesInOrder !== undefined)
      expect(series.slices.map(({ frameNumber }) => frameNumber)).toEqual(framesInOrder);
    if (expected.patientName !== undefined)
      expect(textOf(series.firstFile.dataSet, tags.PatientName)).toBe(expected.patientName);
    const { voxels } = await readDicomSeriesAsStored(
      join(folder, name, input),
      strictReading,
      AbortSignal.timeout(60_000),
    );
    expect(digestOf({ voxels: Float32Array.from(voxels) })).toBe(digestOf(series));
  });
});

describe.each(cases.filter(({ outcome }) => outcome === "refuse"))("the series $name", (expected) => {
  const { name, input, refusal, alsoAcceptedRefusals = [], messageMustContain = [] } = expected;

  test(`is refused as ${refusal}`, async () => {
    const error = (await read(name, input).then(
      () => null,
      (found: unknown) => found,
    )) as ProcessorError | null;
    expect([refusal, ...alsoAcceptedRefusals].map((code) => code && errorCode(code))).toContain(error?.code);
    for (const part of messageMustContain) expect(error!.message).toContain(part);
  });
});

test.each(cases.filter(({ withOptions }) => withOptions !== undefined))(
  "the series $name is read with the option $withOptions",
  async ({ name, input, withOptions, ifAllowed }) => {
    const series = await read(name, input, withOptions);
    checkGeometry(series, ifAllowed!, 1e-5);
    expect(digestOf(series)).toBe(ifAllowed!.voxelSha256);
    if (ifAllowed!.filesInOrder !== undefined)
      expect(series.slices.map(({ path }) => basename(path))).toEqual(ifAllowed!.filesInOrder);
  },
);

const errorCode = (refusal: string): string => `DICOM_${refusal.toUpperCase().replaceAll("-", "_")}`;

function checkGeometry(
  { geometry }: DicomSeries,
  expected: ExpectedVolume,
  directionTolerance: number,
): void {
  const { sizeZyx, spacingMmZyx, originMmXyz, directionXyz } = geometry;
  expect(sizeZyx.toReversed()).toEqual(expected.size);
  expectClose(spacingMmZyx.toReversed(), expected.spacing, 1e-6);
  expectClose(originMmXyz, expected.origin, 1e-4);
  expectClose(directionXyz, expected.direction, directionTolerance);
}

function expectClose(found: readonly number[], expected: readonly number[], tolerance: number): void {
  const differences = found.map((value, i) => Math.abs(value - expected[i]!));
  expect(Math.max(...differences), `${found} and ${expected}`).toBeLessThanOrEqual(tolerance);
}

const digestOf = ({ voxels }: { readonly voxels: Float32Array }): string =>
  createHash("sha256").update(new Uint8Array(voxels.buffer).slice()).digest("hex");

async function largestDifference({ voxels }: DicomSeries, path: string): Promise<number> {
  const { voxels: expected } = await readNifti(path, {});
  return voxels.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(expected[i]))), 0);
}

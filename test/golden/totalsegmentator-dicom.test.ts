import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { goldenPath } from "../support/golden.js";
import { writeDicomSeries } from "../support/images/dicom-builder.js";
import { runProgram } from "../support/programs/run-program.js";

const scratch = mkdtempSync(join(tmpdir(), "task-dicom-"));
afterAll(() => rmSync(scratch, { recursive: true }));

test("a task segments a DICOM series as the same image in NIfTI, and writes DICOM objects", {
  timeout: 300_000,
}, async () => {
  const ct = goldenPath("totalseg", "total_fastest", "ct.nii.gz");
  const { voxels, geometry } = await readImage(ct);
  const { sizeZyx, spacingMmZyx, originMmXyz, directionXyz: d } = geometry;
  const orientation = [d[0], d[3], d[6], d[1], d[4], d[7]].map((cosine) => cosine.toFixed(14)).join("\\");
  writeDicomSeries(join(scratch, "series"), {
    voxels: Int16Array.from(voxels as Int16Array),
    sizeZyx: sizeZyx as [number, number, number],
    spacingMmZyx: spacingMmZyx as [number, number, number],
    originMmXyz: originMmXyz as [number, number, number],
    elements: new Map<number, [string, string]>([[0x00200037, ["DS", orientation]]]),
  });
  const predict = (input: string, output: string, ...flags: readonly string[]) =>
    runProgram(
      [
        ...(["predict", "--model-dir", "totalsegmentator:total_fastest", "-i", input] as const),
        ...["-o", join(scratch, output), ...flags],
      ],
      {
        cwd: scratch,
        environment: { TOTALSEG_WEIGHTS_PATH: goldenPath("totalseg", "weights"), HOME: scratch },
      },
    );
  const fromDicom = await predict(join(scratch, "series"), "dicom", "--rt-structure-set");
  expect(fromDicom.exitCode, fromDicom.err).toBe(0);
  const fromNifti = await predict(ct, "nifti");
  expect(fromNifti.exitCode, fromNifti.err).toBe(0);
  expect(readdirSync(join(scratch, "dicom")).sort()).toEqual([
    "series.dcm",
    "series.nii.gz",
    "series_struct.dcm",
  ]);
  const found = await readImage(join(scratch, "dicom", "series.nii.gz"));
  const expected = await readImage(join(scratch, "nifti", "ct.nii.gz"));
  expect(found.voxels).toEqual(expected.voxels);
  const segments = readFileSync(join(scratch, "dicom", "series.dcm"), "latin1");
  for (const name of ["liver", "spleen"]) expect(segments).toContain(name);
});

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { goldenPath } from "../support/golden.js";
import { type DicomElements, writeDicomSeries } from "../support/images/dicom-builder.js";
import { convertGolden } from "../support/model/convert.js";
import { type ProgramRun, runProgram } from "../support/programs/run-program.js";

const minutes = 60_000;
/** A word that is in everything that names the patient, and in the folders above the series. */
const secret = "Zyxwvut";

const personal: DicomElements = new Map([
  [0x00080050, ["SH", `${secret}1`]],
  [0x00080080, ["LO", `${secret} Hospital`]],
  [0x00080090, ["PN", `${secret}^Doctor`]],
  [0x00081030, ["LO", `${secret} study`]],
  [0x0008103e, ["LO", `${secret} series`]],
  [0x00100010, ["PN", `${secret}^Patient`]],
  [0x00100020, ["LO", `${secret}2`]],
  [0x00100030, ["DA", "19610203"]],
  [0x00104000, ["LT", `${secret} comment`]],
]);

const scratch = mkdtempSync(join(tmpdir(), "predict-dicom-"));
const modelDir = join(scratch, "model");
const files = join(scratch, "files");
const seriesFolder = join(scratch, secret, "series_1");

beforeAll(async () => {
  await convertGolden({ name: "blobs_3d_fullres", outputDir: modelDir });
  const image = await readImage(goldenPath("v2", "blobs_3d_fullres", "input", "blob_010_0000.nii.gz"));
  const { sizeZyx, spacingMmZyx, originMmXyz, directionXyz: d } = image.geometry;
  const orientation = [d[0], d[3], d[6], d[1], d[4], d[7]].map((cosine) => cosine.toFixed(14)).join("\\");
  writeDicomSeries(seriesFolder, {
    voxels: image.voxels as Int16Array,
    sizeZyx: sizeZyx as [number, number, number],
    spacingMmZyx: spacingMmZyx as [number, number, number],
    originMmXyz: originMmXyz as [number, number, number],
    elements: new Map([...personal, [0x00200037, ["DS", orientation]]]),
  });
}, 5 * minutes);
afterAll(() => rmSync(scratch, { recursive: true }));

const predict = (output: string, ...args: readonly string[]): Promise<ProgramRun> =>
  runProgram(
    ["predict", "--model-dir", modelDir, "--disable-tta", "--folds", "0", "-o", join(files, output), ...args],
    {
      cwd: scratch,
    },
  );

describe("predict with a DICOM series", () => {
  test("gives the segmentation of the same image as NIfTI", { timeout: 5 * minutes }, async () => {
    const fromNifti = await predict("nifti", "-i", goldenPath("v2", "blobs_3d_fullres", "input"));
    expect(fromNifti.exitCode, fromNifti.err).toBe(0);
    const fromDicom = await predict("dicom", "-i", seriesFolder);
    expect(fromDicom.exitCode, fromDicom.err).toBe(0);
    const expected = await readImage(join(files, "nifti", "blob_010.nii.gz"));
    const found = await readImage(join(files, "dicom", "series_1.nii.gz"));
    expect(found.voxels).toEqual(expected.voxels);
    for (const part of ["spacingMmZyx", "originMmXyz", "directionXyz"] as const)
      for (const [i, value] of found.geometry[part].entries())
        expect(value).toBeCloseTo(expected.geometry[part][i]!, 4);
  });

  test("tells nobody who the patient is", { timeout: 5 * minutes }, async () => {
    const runs = [
      await predict("private", "--json", "-i", seriesFolder),
      await predict("refused", "-i", seriesFolder, "--series", "2.25.9"),
    ];
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 4]);
    for (const { out, err } of runs) expect(`${out}${err}`).not.toMatch(new RegExp(`${secret}|19610203`));
    const written = readdirSync(join(files, "private"));
    expect(written).toEqual(["series_1.dcm", "series_1.nii.gz"]);
    expect(readFileSync(join(files, "private", "series_1.nii.gz")).includes(secret)).toBe(false);
  });

  test("copies patient and study into a DICOM segmentation, and nothing else", () => {
    const object = readFileSync(join(files, "private", "series_1.dcm"));
    for (const copied of ["^Patient", "2", "1", " study", "^Doctor"])
      expect(object.includes(`${secret}${copied}`), copied).toBe(true);
    for (const left of [" Hospital", " comment", " series"])
      expect(object.includes(`${secret}${left}`), left).toBe(false);
  });

  test("names files and the option for a series that is refused", { timeout: 5 * minutes }, async () => {
    const input = goldenPath("dicom", "read", "ct_missing_slice", "input");
    const { exitCode, err } = await predict("gap", "-i", input);
    expect(exitCode).toBe(4);
    expect(err).toContain(
      "DICOM_SLICE_GAP: input: 1 of 12 slices is missing, the first between IM0005.dcm and IM0007.dcm",
    );
    expect(err).toContain("--irregular-slices average");
    const allowed = await predict("gap", "-i", input, "--irregular-slices", "average");
    expect(allowed.exitCode, allowed.err).toBe(0);
  });
});

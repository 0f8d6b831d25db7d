import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { countVoxels } from "../../../../src/targets/simulate/compare-labels.js";
import { lintDicom } from "../../../../src/targets/simulate/lint-dicom.js";
import {
  caseFolder,
  segmentationCase,
  writeGoldenSegmentation,
} from "../../../support/dicom/golden-objects.js";

let folder = "";
let file = "";
const found = segmentationCase("odd_matrix");

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lint-"));
  file = join(folder, "case.dcm");
  await writeGoldenSegmentation(found, file);
});
afterEach(() => rmSync(folder, { recursive: true }));

const labels = async () =>
  countVoxels((await readImage(join(caseFolder("seg", found.case), found.labels!))).voxels);
const lint = async (changed = 0) => {
  const counted = (await labels()).map((one) => ({ ...one, voxels: one.voxels + changed }));
  return lintDicom(file, "case.dcm", { caseName: "case", path: "case.nii.gz", labels: counted });
};

test("a segmentation with the voxels of the image passes, one with others fails", async () => {
  expect(await lint()).toMatchObject({ result: "pass", reason: expect.stringContaining("case.nii.gz") });
  expect(await lint(1)).toMatchObject({ result: "fail", reason: expect.stringContaining("voxels, but") });
});

test("a file that is cut, or is something else, fails", async () => {
  truncateSync(file, 2000);
  expect(await lint()).toMatchObject({ result: "fail" });
  writeFileSync(file, "a text");
  expect(await lint()).toMatchObject({ result: "fail" });
});

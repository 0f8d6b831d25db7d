import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { strictReading } from "../../../../processor/contract/dicom-settings.js";
import { alignSeries } from "../../../../processor/imaging/dicom/align-series.js";
import { readDicomImage } from "../../../../processor/imaging/dicom/read-dicom-image.js";
import type { Image } from "../../../../processor/imaging/volume/image.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { phantom } from "../../../support/dicom/phantom-series.js";
import { writeDicomSeries } from "../../../support/images/dicom-builder.js";
import { neverStopped } from "../../../support/never-stopped.js";

const scratch = mkdtempSync(join(tmpdir(), "align-series-"));
const pool = openPool();
afterAll(async () => {
  await pool.close();
  rmSync(scratch, { recursive: true });
});

async function series(name: string, { shiftMm = 0, frameOfReferenceUid = "2.25.3" }): Promise<Image> {
  const [x, y, z] = phantom.originMmXyz;
  writeDicomSeries(join(scratch, name), {
    ...phantom,
    originMmXyz: [x + shiftMm, y, z],
    elements: new Map([[0x00200052, ["UI", frameOfReferenceUid]]]),
  });
  const { image } = await readDicomImage(join(scratch, name), strictReading, {
    signal: neverStopped(),
    asStored: false,
  });
  return image;
}

async function align(images: readonly Image[]) {
  const warnings: string[] = [];
  const onWarning = (line: string) => warnings.push(line);
  const aligned = await alignSeries(images, { pool, isAligned: () => true, onWarning });
  return { aligned, warnings };
}

test("a series on the grid of the first one keeps its values", async () => {
  const { aligned, warnings } = await align([await series("a", {}), await series("b", {})]);
  expect(Array.from(aligned[1]!.voxels as Float32Array)).toEqual(Array.from(phantom.voxels));
  expect(warnings).toEqual([]);
});

test("a series of another frame of reference is put on the grid, with a warning", async () => {
  const second = await series("d", { shiftMm: 0.9, frameOfReferenceUid: "2.25.4" });
  const { aligned, warnings } = await align([await series("c", {}), second]);
  expect(aligned[1]!.geometry).toEqual(aligned[0]!.geometry);
  expect(Array.from((aligned[1]!.voxels as Float32Array).slice(0, 5), Math.round)).toEqual([
    0, -20, -19, -18, -17,
  ]);
  expect(warnings).toEqual([
    "d and c have different frames of reference; their positions may not be comparable",
  ]);
});

test("a series elsewhere in the patient is refused", async () => {
  const elsewhere = await series("f", { shiftMm: 500 });
  await expect(align([await series("e", {}), elsewhere])).rejects.toMatchObject({
    code: "DICOM_SERIES_DO_NOT_OVERLAP",
    message: "f and e have no place in the patient in common",
  });
});

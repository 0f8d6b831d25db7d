import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { strictReading } from "../../processor/contract/dicom-settings.js";
import { readDicomSeries } from "../../processor/imaging/dicom/read-dicom-series.js";
import { readNifti } from "../../processor/imaging/formats/nifti/read-nifti.js";
import { putOnGrid } from "../../processor/imaging/resampling/put-on-grid.js";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { repositoryRoot } from "../support/golden.js";

interface ResampleCase {
  readonly series: readonly [string, string];
  readonly tolerance: { readonly maxAbs: number };
  readonly voxelsOutside: number;
}

const folder = join(repositoryRoot, "test", "golden", "dicom", "resample");
const pool = openPool();
afterAll(() => pool.close());

test.each(readdirSync(folder))("the second series of %s is put on the grid of the first", async (name) => {
  const expected = JSON.parse(readFileSync(join(folder, name, "expected.json"), "utf8")) as ResampleCase;
  const read = (series: string) =>
    readDicomSeries(join(folder, name, series), strictReading, AbortSignal.timeout(60_000));
  const [first, second] = await Promise.all(expected.series.map(read));
  const { voxels, inside } = await putOnGrid(second!.voxels, {
    from: second!.geometry,
    to: first!.geometry,
    pool,
  });
  const { voxels: wanted } = await readNifti(join(folder, name, "expected_series_2_on_1.nii.gz"), {});
  const differences = voxels.map((value, i) => Math.abs(value - Number(wanted[i])));
  const isOff = (difference: number): boolean => difference > expected.tolerance.maxAbs;
  expect(differences.filter(isOff).length).toBe(0);
  expect(voxels.length - inside).toBe(expected.voxelsOutside);
});

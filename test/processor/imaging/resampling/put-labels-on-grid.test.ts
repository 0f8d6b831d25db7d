import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readAnyLabelMap } from "../../../../processor/imaging/formats/read-label-map.js";
import { putLabelsOnGrid } from "../../../../processor/imaging/resampling/put-labels-on-grid.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { repositoryRoot } from "../../../support/golden.js";

const pool = openPool();
afterAll(() => pool.close());

const fixture = (name: string) =>
  readAnyLabelMap(join(repositoryRoot, "test/fixtures/label-grids", `${name}.nii.gz`), 3);

test.each([
  { name: "a turned grid", from: "labels", to: "on-other-grid" },
  { name: "a finer grid, where labels have equal votes", from: "plain", to: "halves" },
])("labels are put on $name as by SimpleITK", async ({ from, to }) => {
  const [labels, wanted] = [await fixture(from), await fixture(to)];
  const { labelMap, inside } = await putLabelsOnGrid(labels, wanted.geometry, pool);
  expect([...labelMap.voxels]).toEqual([...wanted.voxels]);
  expect(inside).toBeGreaterThan(0);
});

test("labels that are on the grid already stay as they are", async () => {
  const labels = await fixture("labels");
  const { labelMap } = await putLabelsOnGrid(labels, { ...labels.geometry }, pool);
  expect(labelMap.voxels).toBe(labels.voxels);
});

import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { intensityStatistics } from "../../../src/nnunet/fingerprint/intensity-statistics.js";
import { makeFingerprint } from "../../../src/nnunet/fingerprint/make-fingerprint.js";
import { measureTaskCase } from "../../../src/nnunet/v1/task-fingerprint.js";
import { goldenPath } from "../../support/golden.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "odd-data-"));
  cpSync(goldenPath("tools", "datasets", "Dataset305_Tiny"), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Sets all voxels of a file to 0. */
async function clear(path: string): Promise<void> {
  const image = await readImage(path);
  image.voxels.fill(0 as never);
  await writeImage(image, path);
}

const filesOf = (part: string): readonly string[] =>
  readdirSync(join(folder, part)).map((name) => join(folder, part, name));

// The expected numbers are numpy's, for float32 and for float64 with an empty array joined to it.
test.each([
  { parts: [[0.1, 0.35, 0.7]], low: 0.10250000149011612 },
  { parts: [[0.1, 0.35, 0.7], []], low: 0.10250000141561032 },
])("percentiles are those of numpy, also with a case without foreground", ({ parts, low }) => {
  const counts = parts.map((values) => ({
    values: Float32Array.from(values),
    weights: new Float64Array(values.length).fill(1),
  }));
  expect(intensityStatistics(counts, "samples").percentile_00_5).toBe(low);
});

test("a data set without any labelled voxel has no fingerprint, as for nnU-Net", async () => {
  for (const path of filesOf("labelsTr")) await clear(path);
  const place = {
    name: "Dataset305_Tiny",
    rawFolder: folder,
    preprocessedFolder: join(folder, "preprocessed"),
  };
  const tools = {
    workers: 1,
    progress: silentProgress,
    signal: new AbortController().signal,
    environment: {},
  };
  await expect(makeFingerprint(place, { samples: "all", clean: false }, tools)).rejects.toThrow(
    "no case has a voxel with a label above 0",
  );
});

test("v1 refuses an image of zeros", async () => {
  const [image] = filesOf("imagesTr");
  const [label] = filesOf("labelsTr");
  await clear(image!);
  await expect(
    measureTaskCase({ reader: "SimpleITKIO", images: [image!], label: label! }),
  ).rejects.toMatchObject({ code: "DATASET_INVALID" });
});

/** The statistics of one case whose voxels have the weight of a share. */
const weighed = (values: readonly number[]) =>
  intensityStatistics(
    [{ values: Float32Array.from(values), weights: new Float64Array(values.length).fill(1 / values.length) }],
    "weights",
  );

test("equal voxels have their value as mean, and no deviation", () => {
  expect(weighed(new Array<number>(2879).fill(7.25))).toMatchObject({ mean: 7.25, median: 7.25, std: 0 });
});

test("a percentile between infinite voxels is NaN, as numpy's", () => {
  expect(weighed([1, 2, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])).toMatchObject({
    min: 1,
    max: Number.POSITIVE_INFINITY,
    percentile_00_5: 1,
    percentile_99_5: Number.NaN,
  });
});

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { voxelCount } from "../../../processor/imaging/volume/axes.js";
import { type Geometry, identityDirection } from "../../../processor/imaging/volume/geometry.js";
import { orientationLetters } from "../../../processor/imaging/volume/reorient.js";
import { Field } from "../../../src/checkpoint/fields.js";
import { resolveConfiguration } from "../../../src/checkpoint/nnunet-v2/configuration.js";
import { readInferencePlan } from "../../../src/checkpoint/nnunet-v2/inference-plan.js";
import { drawCase } from "../../../src/nnunet/datasets/draw-case.js";
import type { ImageReaderName } from "../../../src/nnunet/datasets/image-reader.js";
import { evaluate } from "../../../src/nnunet/evaluation/evaluate.js";
import { readJsonObject } from "../../../src/nnunet/files/read-json.js";
import { plotOverlay } from "../../../src/nnunet/overlays/plot-overlay.js";
import { caseOnGrid } from "../../../src/nnunet/preprocessing/preprocess-case.js";
import { goldenPath } from "../../support/golden.js";
import { neverStopped } from "../../support/never-stopped.js";

// nnU-Net's "WithReorient" readers turn the image and its labels, each by its own orientation.

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "reader-orientation-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Three grids of the same 4 × 3 × 2 places in the patient, at every millimetre from 0. */
const grid = (part: Pick<Geometry, "sizeZyx" | "originMmXyz" | "directionXyz">): Geometry => ({
  ...part,
  spacingMmZyx: [1, 1, 1],
  dimensions: 3,
});
const lps = grid({ sizeZyx: [2, 3, 4], originMmXyz: [0, 0, 0], directionXyz: identityDirection });
const ras = grid({ sizeZyx: [2, 3, 4], originMmXyz: [3, 2, 0], directionXyz: [-1, 0, 0, 0, -1, 0, 0, 0, 1] });
const ila = grid({ sizeZyx: [3, 4, 2], originMmXyz: [0, 2, 1], directionXyz: [0, 1, 0, 0, 0, -1, -1, 0, 0] });

/** A different value at each place. */
const valueAt = (x: number, y: number, z: number): number => 1 + x + 4 * y + 12 * z;
/** Each x is a label, and the lowest slice is background. */
const labelAt = (x: number, _y: number, z: number): number => (z === 0 ? 0 : 1 + x);

/** Writes what is at each place on one of the grids. */
async function write(name: string, geometry: Geometry, at: typeof valueAt): Promise<string> {
  const { sizeZyx, originMmXyz, directionXyz } = geometry;
  const [, rows, columns] = sizeZyx;
  const voxels = Uint8Array.from({ length: voxelCount(sizeZyx) }, (_, voxel) => {
    const index = [voxel % columns, Math.floor(voxel / columns) % rows, Math.floor(voxel / columns / rows)];
    const [x = 0, y = 0, z = 0] = originMmXyz.map((start, row) =>
      index.reduce((sum, i, axis) => sum + i * directionXyz[row * 3 + axis]!, start),
    );
    return at(x, y, z);
  });
  const path = join(folder, name);
  await writeImage({ voxels, components: 1, geometry, source: { format: "nifti", path, nifti: null } }, path);
  return path;
}

const turning: readonly ImageReaderName[] = ["NibabelIOWithReorient", "SimpleITKIOWithReorient"];

test.each(turning)(
  "a prediction and a reference that %s turns are compared place by place",
  async (reader) => {
    for (const name of ["gt", "pred"]) await mkdir(join(folder, name));
    await write("gt/case.nii.gz", lps, labelAt);
    await write("pred/case.nii.gz", ila, labelAt);
    const dataset = (overwrite_image_reader_writer: string) =>
      writeFile(
        join(folder, "dataset.json"),
        JSON.stringify({
          labels: { background: 0, a: 1, b: 2, c: 3, d: 4 },
          file_ending: ".nii.gz",
          overwrite_image_reader_writer,
        }),
      );
    const evaluated = () =>
      evaluate({
        referenceFolder: "gt",
        predictionFolder: "pred",
        currentDirectory: folder,
        datasetJson: "dataset.json",
        labels: null,
        ignoreLabel: null,
        allowMissing: false,
        nnunetVersion: 2,
        summaryFile: null,
        toleranceMm: null,
        progress: silentProgress,
        signal: neverStopped(),
      });
    await dataset(reader);
    expect((await evaluated()).summary.foregroundMean).toMatchObject({ Dice: 1, TP: 3 });
    await dataset("SimpleITKIO");
    await expect(evaluated()).rejects.toMatchObject({ code: "GEOMETRY_MISMATCH" });
  },
);

test.each(turning)("the labels and channels of a case that %s turns stay at their places", async (reader) => {
  const file = goldenPath("tools", "datasets", "Dataset303_AnisoMR", "expected_nnUNetPlans.json");
  const plans = new Field(await readJsonObject(file), "plans");
  const dataset = new Field(
    {
      channel_names: { 0: "MRI", 1: "MRI" },
      labels: { background: 0, a: 1 },
      file_ending: ".nii.gz",
    },
    "dataset.json",
  );
  const plan = readInferencePlan({
    plans,
    configuration: resolveConfiguration(plans, "3d_fullres"),
    dataset,
    imageChannels: 2,
    mirrorAxes: [],
  });
  const prepared = await caseOnGrid({
    reader,
    images: [await write("case_0000.nii.gz", lps, valueAt), await write("case_0001.nii.gz", ila, valueAt)],
    label: await write("case.nii.gz", ila, labelAt),
    plan: { ...plan, transposeForward: [0, 1, 2], spacingMm: [1, 1, 1] },
    channelNames: ["MRI", "MRI"],
  });
  expect(prepared.sizeZyx).toEqual([2, 3, 4]);
  // A segmentation of the case is turned back to these axes.
  const axes = orientationLetters(prepared.image.geometry);
  expect(axes).toBe(reader === "NibabelIOWithReorient" ? "LPS" : "ILA");
  const count = voxelCount(prepared.sizeZyx);
  expect(prepared.data.slice(count)).toEqual(prepared.data.slice(0, count));
  // x falls along the rows in RAS.
  expect([...prepared.segmentation]).toEqual([
    ...new Array(12).fill(0),
    ...[4, 3, 2, 1, 4, 3, 2, 1, 4, 3, 2, 1],
  ]);
});

test.each(turning)("pictures of a case that %s turns show it turned", async (reader) => {
  const stored = {
    imageFile: await write("image.nii.gz", lps, valueAt),
    labelFile: await write("labels.nii.gz", ila, labelAt),
    reader,
  };
  const turned = {
    imageFile: await write("image-ras.nii.gz", ras, valueAt),
    labelFile: await write("labels-ras.nii.gz", ras, labelAt),
    reader: "SimpleITKIO",
  } as const;
  const target = (name: string): string => join(folder, name);
  const draw = async (source: typeof stored | typeof turned, name: string): Promise<readonly Buffer[]> => {
    await plotOverlay({ source: { kind: "raw", ...source }, intensity: 0.6, target: target(`${name}.png`) });
    await drawCase({ ...source, target: target(`${name}-case.png`) });
    return [await readFile(target(`${name}.png`)), await readFile(target(`${name}-case.png`))];
  };
  expect(await draw(stored, "stored")).toEqual(await draw(turned, "turned"));
});

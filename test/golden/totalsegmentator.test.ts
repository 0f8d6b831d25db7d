import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { answerClasses } from "../../processor/contract/answer-labels.js";
import type { ImageSettings } from "../../processor/contract/run-settings.js";
import { flagNames, predictDefaults, settingChoices } from "../../processor/contract/setting-choices.js";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { writeLabelMap } from "../../processor/imaging/formats/write-image.js";
import type { CaseVolume } from "../../processor/imaging/volume/case-volume.js";
import type { Geometry } from "../../processor/imaging/volume/geometry.js";
import { turnToRas } from "../../processor/imaging/volume/reorient.js";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { answerTask } from "../../processor/runtime/totalsegmentator/answer-task.js";
import { runWithOptions } from "../../processor/runtime/totalsegmentator/run-options.js";
import { taskImage } from "../../processor/runtime/totalsegmentator/task-image.js";
import { writeTaskFiles } from "../../processor/runtime/totalsegmentator/write-task.js";
import { planTask } from "../../src/totalsegmentator/plan-task.js";
import { chosenTask } from "../../src/totalsegmentator/task-table.js";
import { goldenPath } from "../support/golden.js";

interface GoldenTask {
  readonly name: string;
  /** The case whose image and recorded answers are used, if it is another one. */
  readonly of?: string;
  readonly task: string;
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly isEmpty?: boolean;
}

const cases: readonly GoldenTask[] = [
  { name: "total_fastest", task: "total_fastest" },
  { name: "total_fast_statistics", task: "total_fast", flags: { statistics: "basic" } },
  { name: "total_5_parts", task: "total" },
  { name: "total_roi_subset", task: "total", flags: { "roi-subset": "liver,vertebrae_L1" } },
  { name: "kidney_cysts_robust_crop", task: "kidney_cysts", flags: { "robust-crop": true } },
  {
    name: "total_fastest_small_blobs_v1order",
    of: "total_fastest",
    task: "total_fastest",
    flags: { "remove-small-blobs": 200, "v1-order": true },
  },
  {
    name: "total_fast_save_lowres",
    of: "total_fast_statistics",
    task: "total_fast",
    flags: { "save-lowres": true },
  },
  { name: "roi_subset_compact", task: "total", flags: { "roi-subset": "liver" } },
  { name: "liver_vessels_compact", task: "liver_vessels" },
  { name: "kidney_cysts_compact", task: "kidney_cysts" },
  { name: "cerebral_bleed_empty_crop", task: "cerebral_bleed", isEmpty: true },
];

const pool = openPool();
afterAll(() => pool.close());

const golden = (name: string, file: string) => goldenPath("totalseg", name, file);
const readGolden = (name: string, file: string) =>
  readImage(golden(name, file), { imageReader: "NibabelIO" });

/** Runs a task with the answers that nnU-Net gave instead of networks, and compares what the networks would see. */
async function answerOf({ name, of = name, task, flags = {} }: GoldenTask) {
  const settings: ImageSettings = settingChoices(flags, "predict", flagNames).applyTo(predictDefaults());
  const needs = {
    hasRoiCrop: settings.roiSubset !== null,
    isRobust: settings.robustCrop,
    hasBodyCrop: settings.bodySeg,
  };
  const { plan, networks } = planTask(chosenTask(task), needs);
  const run = runWithOptions(plan, settings);
  const image = taskImage(await readGolden(of, "ct.nii.gz"), () => {});
  const emptyCrops: string[] = [];
  const inputs: { readonly volume: CaseVolume; readonly file: string }[] = [];
  let step = 0;
  const finished = await answerTask(
    { plan, run, image },
    {
      pool,
      settings,
      onEmptyCrop: (empty) => emptyCrops.push(empty.task),
      async segmentPart({ model }, volume) {
        const stem = `step${step++}_task${networks[model]!.dataset}`;
        inputs.push({ volume, file: `${stem}_input.nii.gz` });
        const recorded = await readGolden(of, `${stem}_output.nii.gz`);
        expect(turnToRas(recorded.geometry).isFlippedZyx).toEqual([false, false, false]);
        return { voxels: Uint8Array.from(recorded.voxels as Uint8Array), geometry: volume.geometry };
      },
    },
  );
  return { finished, plan, settings, image, inputs, emptyCrops };
}

describe("TotalSegmentator's pipeline, from the answers of its networks to its result", () => {
  test.each(cases)("$name: no voxel differs, and the networks see the same", async (one) => {
    const { finished, emptyCrops, inputs } = await answerOf(one);
    const expected = await readGolden(one.name, "expected_seg.nii.gz");
    expectSameGrid(finished.labelMap.geometry, expected.geometry);
    expect(differing(finished.labelMap.voxels, expected.voxels as Uint8Array)).toBe(0);
    expect(emptyCrops).toEqual(one.isEmpty ? [one.task] : []);
    expect(inputs.filter(({ file }) => existsSync(join(folderOf(one), file)))).not.toEqual([]);
    // Parts of one run share their input, which is stored once.
    for (const { volume, file } of inputs.filter(({ file }) => existsSync(join(folderOf(one), file)))) {
      const seen = await readImage(join(folderOf(one), file), { imageReader: "NibabelIO" });
      expectSameGrid(volume.geometry, seen.geometry);
      expect(differing(volume.channels, seen.voxels as Int16Array)).toBe(0);
    }
  });

  test("statistics are TotalSegmentator's own", async () => {
    const { finished } = await answerOf(cases[1]!);
    const expected = await readFile(
      goldenPath("totalseg", "total_fast_statistics", "statistics.json"),
      "utf8",
    );
    expect(finished.statistics).toEqual(JSON.parse(expected));
  });

  test("the NIfTI file names its labels in an extension, as TotalSegmentator's does", async () => {
    const folder = await mkdtemp(join(tmpdir(), "task-"));
    const { finished, plan, settings, image } = await answerOf(cases[0]!);
    const names = answerClasses(plan, settings);
    const path = join(folder, "case.nii.gz");
    await writeLabelMap({ ...finished.labelMap, names }, path, image.source);
    expect(labelTableOf(path)).toEqual(labelTableOf(golden("total_fastest", "expected_seg.nii.gz")));
    expect(labelTableOf(path)).toHaveLength(117);
    const read = await readImage(path, { imageReader: "NibabelIO" });
    expect(differing(read.voxels as Uint8Array, finished.labelMap.voxels)).toBe(0);
    await rm(folder, { recursive: true });
  });

  test("a file for each class, and the body and skin that follow from them", async () => {
    const folder = await mkdtemp(join(tmpdir(), "task-"));
    const name = "body_fast_postprocessed_files";
    const { finished, plan, settings, image } = await answerOf({
      name,
      task: "body_fast",
      flags: { "per-class": true },
    });
    const outputs = [{ kind: "label-map", path: join(folder, "case.nii.gz") }] as const;
    await writeTaskFiles(finished, { request: { name: "case", outputs }, plan, settings, image }, pool);
    const files = await readdir(join(folder, "case"));
    expect(files.sort()).toEqual([
      "body.nii.gz",
      "body_extremities.nii.gz",
      "body_trunc.nii.gz",
      "skin.nii.gz",
    ]);
    for (const file of files) {
      const found = await readImage(join(folder, "case", file), { imageReader: "NibabelIO" });
      const expected = await readGolden(name, join("expected", file));
      expectSameGrid(found.geometry, expected.geometry);
      expect(differing(found.voxels as Uint8Array, expected.voxels as Uint8Array)).toBe(0);
    }
    await rm(folder, { recursive: true });
  });
});

/** Returns key, colour and name of each label in a NIfTI file's extension. */
function labelTableOf(path: string): readonly string[] {
  const bytes = gunzipSync(readFileSync(path));
  expect(bytes[348]).toBe(1);
  const extension = bytes.toString("utf8", 360, bytes.readFloatLE(108));
  return extension.match(/<Label Key.*?<\/Label>/g) ?? [];
}

const folderOf = ({ name, of = name }: GoldenTask): string => goldenPath("totalseg", of);

/** Positions may differ by the rounding of a header's float32. */
function expectSameGrid(found: Geometry, expected: Geometry): void {
  expect(found.sizeZyx).toEqual(expected.sizeZyx);
  for (const [part, digits] of [
    ["spacingMmZyx", 5],
    ["originMmXyz", 3],
    ["directionXyz", 5],
  ] as const)
    for (const [i, value] of expected[part].entries()) expect(found[part][i]).toBeCloseTo(value, digits);
}

const differing = (found: ArrayLike<number>, expected: ArrayLike<number>): number => {
  let count = found.length === expected.length ? 0 : 1;
  for (let i = 0; i < expected.length; i++) if (found[i] !== expected[i]) count++;
  return count;
};

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Progress, silentProgress } from "../../processor/contract/progress/progress.js";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import type { Image } from "../../processor/imaging/volume/image.js";
import { Field } from "../../src/checkpoint/fields.js";
import { readPickle } from "../../src/checkpoint/pickle/read-pickle.js";
import { checkpointGlobals } from "../../src/checkpoint/torch/torch-globals.js";
import { likeNnunet } from "../../src/nnunet/datasets/verify/like-nnunet.js";
import { measureTask, planFiles, planTaskFiles } from "../../src/nnunet/v1/plan-task.js";
import { preprocessTask } from "../../src/nnunet/v1/preprocess-task.js";
import { verifyTask } from "../../src/nnunet/v1/verify-task.js";
import { goldenPath } from "../support/golden.js";

interface GoldenTask {
  readonly dataset: string;
  readonly task: string;
  readonly dataset_properties: unknown;
  readonly preprocessed_tree: readonly string[];
}

interface GoldenDefect {
  readonly defect: string;
  readonly ok: boolean;
  readonly error: { readonly type: string } | null;
}

const { fingerprints, integrity } = JSON.parse(
  readFileSync(goldenPath("tools", "v1_fingerprint_and_integrity.json"), "utf8"),
) as { readonly fingerprints: readonly GoldenTask[]; readonly integrity: readonly GoldenDefect[] };

const tools = { workers: 2, progress: silentProgress, signal: new AbortController().signal };

/** Writes a v2 data set as the v1 task that the golden data were made from. */
function taskOf(dataset: string, name: string): string {
  const folder = join(mkdtempSync(join(tmpdir(), "task-")), name);
  const source = goldenPath("tools", "datasets", dataset);
  for (const part of ["imagesTr", "labelsTr"])
    cpSync(join(source, part), join(folder, part), { recursive: true });
  const { channel_names, labels } = JSON.parse(readFileSync(join(source, "dataset.json"), "utf8")) as {
    readonly channel_names: unknown;
    readonly labels: Readonly<Record<string, number>>;
  };
  const training = readdirSync(join(folder, "labelsTr")).map((file) => ({ image: `./imagesTr/${file}` }));
  const turned = Object.fromEntries(Object.entries(labels).map(([label, value]) => [value, label]));
  writeFileSync(
    join(folder, "dataset.json"),
    JSON.stringify({ modality: channel_names, labels: turned, training, test: [] }),
  );
  return folder;
}

/** Returns the value of a pickle with objects for dicts, and lists for tuples and arrays. */
function plain(field: Field): unknown {
  if (field.isNull) return null;
  if (field.isNumber) return field.number();
  if (field.isString) return field.string();
  if (field.isList) return field.list().map(plain);
  if (typeof field.raw === "boolean") return field.raw;
  return Object.fromEntries(field.entries().map(([key, value]) => [key, plain(value)]));
}

const pickled = (path: string): unknown =>
  plain(
    new Field(readPickle(readFileSync(path), { source: path, globals: checkpointGlobals(path) }).value, path),
  );

/** Expects what nnU-Net has; fractions within 1e-5, because v1 computes its statistics in float32. */
function expectClose(own: unknown, expected: unknown): void {
  if (typeof expected === "number") {
    expect(Math.abs((own as number) - expected)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(expected)));
  } else if (typeof expected === "object" && expected !== null) {
    for (const [key, value] of Object.entries(expected))
      expectClose((own as Readonly<Record<string, unknown>>)[key], value);
    if (Array.isArray(expected)) expect(own).toHaveLength(expected.length);
  } else {
    expect(own).toEqual(expected);
  }
}

describe.each(fingerprints)("$task", ({ dataset, task, ...golden }) => {
  let folder: string;
  let place: { readonly name: string; readonly rawFolder: string; readonly preprocessedFolder: string };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "preprocessed-"));
    place = { name: task, rawFolder: taskOf(dataset, task), preprocessedFolder: folder };
    await planTaskFiles(await measureTask(place, tools), {
      preprocessedFolder: folder,
      planners: ["ExperimentPlanner3D_v21", "ExperimentPlanner2D_v21"],
      isWritten: true,
    });
  });

  test("is measured and planned as by nnU-Net v1", () => {
    expect(readdirSync(folder).toSorted()).toEqual(golden.preprocessed_tree);
    expectClose(pickled(join(folder, "dataset_properties.pkl")), golden.dataset_properties);
    for (const file of Object.values(planFiles))
      expectClose(pickled(join(folder, file)), (golden as Readonly<Record<string, unknown>>)[file]);
  });

  test("gets the folds of nnU-Net v1, and a stopped run continues", async () => {
    const settings = { writesSplits: true };
    const stopped = new AbortController();
    const progress: Progress = {
      note: () => {},
      start: ({ label }) => ({
        // Stops when the first case of the second stage is done.
        advance: () => label.includes("2D") && stopped.abort(),
        done: () => {},
      }),
    };
    await expect(
      preprocessTask(place, settings, { workers: 1, progress, signal: stopped.signal }),
    ).rejects.toThrow();
    const { stages, splits } = await preprocessTask(place, settings, tools);
    expect(stages[1]!.continued).toBeGreaterThan(0);
    const folds = pickled(splits!) as readonly { readonly train: string[]; readonly val: string[] }[];
    expect(folds).toHaveLength(5);
    for (const { train, val } of folds) expect(new Set([...train, ...val]).size).toBe(6);
  });

  test("is preprocessed into a folder for each stage", async () => {
    const { stages } = await preprocessTask(place, { writesSplits: false }, tools);
    expect(stages.map(({ name, cases }) => [name, cases])).toEqual([
      ["nnUNetData_plans_v2.1 stage 0", 6],
      ["nnUNetData_plans_v2.1_2D stage 0", 6],
    ]);
    const [{ folder: data }] = stages as [(typeof stages)[0]];
    const [id] = readdirSync(join(folder, "gt_segmentations")).map((file) =>
      file.slice(0, -".nii.gz".length),
    );
    expect(readdirSync(data)).toContain(`${id}.npz`);
    expect(pickled(join(data, `${id}.pkl`))).toMatchObject({ use_nonzero_mask_for_norm: {} });
  });
});

/** Writes a file of the second case again, changed. */
async function change(path: string, to: (image: Image) => Image): Promise<void> {
  const { source: _, ...image } = await readImage(path);
  await writeImage(to({ ...image, source: { format: "nifti", path, nifti: null } }), path);
}

const geometry =
  (part: Partial<Image["geometry"]>) =>
  (image: Image): Image => ({ ...image, geometry: { ...image.geometry, ...part } });

/** Makes the defects that the golden data name. */
const defects: Readonly<Record<string, (folder: string) => void | Promise<void>>> = {
  good: () => {},
  label_missing: (folder) => rmSync(join(folder, "labelsTr", "ct_01.nii.gz")),
  image_missing: (folder) => rmSync(join(folder, "imagesTr", "ct_01_0000.nii.gz")),
  extra_label: (folder) =>
    cpSync(join(folder, "labelsTr", "ct_01.nii.gz"), join(folder, "labelsTr", "zz.nii.gz")),
  extra_image: (folder) =>
    cpSync(join(folder, "imagesTr", "ct_01_0000.nii.gz"), join(folder, "imagesTr", "zz_0000.nii.gz")),
  unexpected_label: (folder) =>
    change(join(folder, "labelsTr", "ct_01.nii.gz"), (image) => ({
      ...image,
      voxels: Uint8Array.from(image.voxels as Uint8Array).fill(9, 0, 1),
    })),
  wrong_shape: (folder) =>
    cpSync(join(folder, "labelsTr", "ct_02.nii.gz"), join(folder, "labelsTr", "ct_01.nii.gz")),
  wrong_origin: (folder) =>
    change(join(folder, "labelsTr", "ct_01.nii.gz"), geometry({ originMmXyz: [9, 9, 9] })),
  wrong_spacing: (folder) =>
    change(join(folder, "labelsTr", "ct_01.nii.gz"), geometry({ spacingMmZyx: [2, 2, 2] })),
  nan_image: (folder) =>
    change(join(folder, "imagesTr", "ct_01_0000.nii.gz"), (image) => ({
      ...image,
      voxels: Float32Array.from(image.voxels as Int16Array).fill(Number.NaN, 0, 1),
    })),
  no_dataset_json: (folder) => rmSync(join(folder, "dataset.json")),
};

test.each(integrity)(
  "a task with the defect $defect is judged as by nnU-Net v1",
  async ({ defect, ok, error }) => {
    const rawFolder = taskOf("Dataset302_IsoCT", "Task302_IsoCT");
    await defects[defect]!(rawFolder);
    const report = await verifyTask({ name: "Task302_IsoCT", rawFolder }, tools);
    expect(report.isFine).toBe(ok);
    expect(likeNnunet(report).exception?.type ?? null).toBe(error?.type ?? null);
  },
);

type TaskJson = Record<string, unknown> & { readonly training: readonly unknown[] };

// The exceptions are those of nnunet 1.7.1's verify_dataset_integrity.
test.each<[name: string, change: (json: TaskJson) => object, exception: string | null]>([
  ["no list of test images", ({ test: _, ...json }) => json, "KeyError"],
  ["a case twice", (json) => ({ ...json, training: [...json.training, json.training[0]] }), "RuntimeError"],
  ["labels without 0", (json) => ({ ...json, labels: { 1: "a", 2: "b" } }), "AssertionError"],
  [
    "test images but no folder of them",
    (json) => ({ ...json, test: ["./imagesTs/t.nii.gz"] }),
    "FileNotFoundError",
  ],
])("a task with %s is judged as by nnU-Net v1", async (_name, changed, exception) => {
  const rawFolder = taskOf("Dataset302_IsoCT", "Task302_IsoCT");
  const file = join(rawFolder, "dataset.json");
  writeFileSync(file, JSON.stringify(changed(JSON.parse(readFileSync(file, "utf8")) as TaskJson)));
  const report = await verifyTask({ name: "Task302_IsoCT", rawFolder }, tools);
  expect(likeNnunet(report).exception?.type ?? null).toBe(exception);
});

test("images that are turned differently are a warning", async () => {
  const rawFolder = taskOf("Dataset302_IsoCT", "Task302_IsoCT");
  for (const path of [
    join(rawFolder, "imagesTr", "ct_01_0000.nii.gz"),
    join(rawFolder, "labelsTr", "ct_01.nii.gz"),
  ])
    await change(path, geometry({ directionXyz: [-1, 0, 0, 0, -1, 0, 0, 0, 1] }));
  const report = await verifyTask({ name: "Task302_IsoCT", rawFolder }, tools);
  expect(report.findings.map(({ check, severity }) => [check, severity])).toContainEqual([
    "orientations",
    "warning",
  ]);
  expect(report.isFine).toBe(true);
});

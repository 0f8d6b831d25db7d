import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { PNG } from "pngjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { colouredSlice, tellingSlice } from "../../src/nnunet/overlays/overlay.js";
import { plotOverlays } from "../../src/nnunet/overlays/plot-overlays.js";
import { plotPreprocessed } from "../../src/nnunet/overlays/plot-preprocessed.js";
import { buildZip } from "../support/archive/zip-builder.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { neverStopped } from "../support/never-stopped.js";

interface Run {
  readonly argv: string;
  readonly dataset: string;
  readonly tag?: string;
  readonly files: readonly string[];
}

const runs = JSON.parse(
  readFileSync(goldenPath("tools", "misc", "overlays", "runs.json"), "utf8"),
) as readonly Run[];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "overlays-"));
});
afterEach(() => rm(folder, { recursive: true }));

const numberAfter = (argv: string, flag: string, usual: number): number =>
  Number(new RegExp(`${flag} (\\S+)`).exec(argv)?.[1] ?? usual);

/** nnU-Net adds in float32 and cuts the decimals off, so that a sum may end on either side of a whole number. */
const rounding = 1;

test.each(runs)(
  "draws $dataset as nnU-Net does: $argv",
  async ({ argv, dataset, tag = "default", files }) => {
    await plotOverlays({
      datasetFolder: goldenPath("tools", "datasets", dataset),
      outputFolder: folder,
      channel: numberAfter(argv, "-channel_idx", 0),
      intensity: numberAfter(argv, "-overlay_intensity", 0.6),
      environment: {},
      progress: silentProgress,
      signal: neverStopped(),
    });
    expect(readdirSync(folder).sort()).toEqual(files.toSorted());
    const expected = goldenPath("tools", "misc", "overlays", `${dataset}_${tag}`);
    for (const name of readdirSync(expected)) expectSamePicture(join(folder, name), join(expected, name));
  },
);

function expectSamePicture(path: string, expectedPath: string): void {
  const [found, golden] = [path, expectedPath].map((file) => PNG.sync.read(readFileSync(file)));
  expect([found!.width, found!.height]).toEqual([golden!.width, golden!.height]);
  let largest = 0;
  for (const [i, value] of golden!.data.entries())
    largest = Math.max(largest, Math.abs(value - found!.data[i]!));
  expect(largest, path).toBeLessThanOrEqual(rounding);
}

const isoCt = goldenPath("tools", "datasets", "Dataset302_IsoCT");

/** Makes a folder as nnU-Net's preprocessing leaves it, with one of its own cases. */
function preprocessedDataset(format: "b2nd" | "npz"): string {
  const dataset = join(folder, "Dataset302_IsoCT");
  const cases = join(dataset, "nnUNetPlans_3d_fullres");
  mkdirSync(cases, { recursive: true });
  copyFileSync(join(isoCt, "expected_nnUNetPlans.json"), join(dataset, "nnUNetPlans.json"));
  const golden = join(isoCt, "expected_preprocessed", "3d_fullres");
  if (format === "b2nd")
    for (const name of ["ct_00.b2nd", "ct_00_seg.b2nd", "ct_00.pkl"])
      copyFileSync(join(golden, `real_${name}`), join(cases, name));
  else {
    const parts = ["data", "seg"].map((name) => ({
      name: `${name}.npy`,
      data: gunzipSync(readFileSync(join(golden, `ct_00_${name}.npy.gz`))),
    }));
    writeFileSync(join(cases, "ct_00.npz"), buildZip(parts));
  }
  return dataset;
}

/** The picture is that of nnU-Net's own program for its own `.b2nd` files. */
test.each(["b2nd", "npz"] as const)(
  "draws preprocessed cases in .%s files as nnU-Net does",
  async (format) => {
    const output = join(folder, "pictures");
    const options = {
      outputFolder: output,
      intensity: 0.6,
      progress: silentProgress,
      signal: neverStopped(),
    };
    const datasetFolder = preprocessedDataset(format);
    const place = { datasetFolder, plans: "nnUNetPlans", configuration: null };
    expect(await plotPreprocessed({ ...options, ...place, channel: 0 })).toBe(1);
    expect(readdirSync(output)).toEqual(["ct_00.png"]);
    expectSamePicture(
      join(output, "ct_00.png"),
      join(repositoryRoot, "test", "fixtures", "overlays", "ct_00-preprocessed.png"),
    );
    const files = join(datasetFolder, "nnUNetPlans_3d_fullres");
    const withoutLabels = format === "npz" ? buildZip([{ name: "data.npy" }]) : "";
    writeFileSync(join(files, format === "npz" ? "ct_00.npz" : "ct_00_seg.b2nd"), withoutLabels);
    await expect(plotPreprocessed({ ...options, ...place, channel: 0 })).rejects.toMatchObject({
      code: "NOT_PREPROCESSED",
    });
    await expect(plotPreprocessed({ ...options, ...place, channel: 1 })).rejects.toMatchObject({
      code: "USAGE",
    });
    await expect(
      plotPreprocessed({ ...options, ...place, configuration: "3d_cascade", channel: 0 }),
    ).rejects.toMatchObject({ code: "USAGE" });
    await expect(
      plotPreprocessed({ ...options, ...place, configuration: "2d", channel: 0 }),
    ).rejects.toMatchObject({ code: "NOT_PREPROCESSED" });
  },
);

/** Reads the data of a `.npy.gz` without its header. */
function npyData(name: string): { readonly type: string; readonly data: Buffer } {
  const bytes = gunzipSync(readFileSync(goldenPath("tools", "misc", "overlays", name)));
  const start = 10 + bytes.readUInt16LE(8);
  return {
    type: /'descr': '([^']+)'/.exec(bytes.toString("latin1", 10, start))![1]!,
    data: bytes.subarray(start),
  };
}

function numbersOf(name: string): readonly number[] {
  const { type, data } = npyData(name);
  const width = Number(type.at(-1));
  return Array.from({ length: data.length / width }, (_, i) => {
    if (type.endsWith("f4")) return data.readFloatLE(i * 4);
    if (type.endsWith("f8")) return data.readDoubleLE(i * 8);
    if (type.endsWith("i8")) return Number(data.readBigInt64LE(i * 8));
    return width === 1 ? data[i]! : data.readIntLE(i * width, width);
  });
}

test("colours labels as nnU-Net does, up to the last colour", () => {
  const rgb = colouredSlice({
    image: Float32Array.from(numbersOf("colours_image.npy.gz")),
    labels: numbersOf("colours_seg.npy.gz"),
    intensity: 0.6,
  });
  const expected = numbersOf("colours_expected_rgb.npy.gz");
  expect(rgb).toHaveLength(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(rgb[i]! - value)).toBeLessThanOrEqual(rounding);
});

/** nnU-Net divides a label by its voxels and the shares of the smaller labels; a plain share would choose slice 2. */
test("chooses the slice that nnU-Net chooses, where smaller labels weigh more", () => {
  const perSlice = [
    [3, 0, 1, 1, 1, 2],
    [0, 3, 0, 3, 0, 1],
    [1, 0, 1, 3, 2, 3],
  ];
  expect(tellingSlice({ labels: perSlice.flat(), slices: 3 })).toBe(0);
});

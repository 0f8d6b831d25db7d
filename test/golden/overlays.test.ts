import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { PNG } from "pngjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { colouredSlice, tellingSlice } from "../../src/nnunet/overlays/overlay.js";
import { plotOverlays } from "../../src/nnunet/overlays/plot-overlays.js";
import { goldenPath } from "../support/golden.js";
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
    for (const name of readdirSync(expected)) {
      const [found, golden] = [join(folder, name), join(expected, name)].map((path) =>
        PNG.sync.read(readFileSync(path)),
      );
      expect([found!.width, found!.height]).toEqual([golden!.width, golden!.height]);
      let largest = 0;
      for (const [i, value] of golden!.data.entries())
        largest = Math.max(largest, Math.abs(value - found!.data[i]!));
      expect(largest, name).toBeLessThanOrEqual(rounding);
    }
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

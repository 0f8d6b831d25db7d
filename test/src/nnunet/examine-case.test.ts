import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { examineCase } from "../../../src/nnunet/datasets/examine-case.js";
import { fingerprintCase } from "../../../src/nnunet/fingerprint/fingerprint-case.js";
import { testImage } from "../../support/images/test-image.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "examine-case-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs of labels that begin and end within a word, and 3 × 5 × 7 voxels, which fill no whole number of words. */
const labels = Array.from({ length: 105 }, (_, i) =>
  i < 9 ? 0 : i < 31 ? 2 : i % 11 === 0 ? 1 : i < 90 ? 0 : 3,
);
const types = { Uint8Array, Int16Array, Uint16Array, Int32Array, Float32Array, Float64Array } as const;

test.each(Object.entries(types))(
  "labels in a %s are counted voxel by voxel, and their voxels found",
  async (_, Type) => {
    const image = join(folder, "image.mha");
    const label = join(folder, "label.mha");
    const grid = testImage([3, 5, 7]);
    await writeImage({ ...grid, voxels: Int16Array.from(labels, (_label, i) => i - 50) }, image);
    await writeImage({ ...grid, voxels: Type.from(labels) }, label);
    const counts = [0, 1, 2, 3].map((value) => labels.filter((one) => one === value).length);
    const task = { reader: "SimpleITKIO", images: [image], label } as const;
    expect((await examineCase({ ...task, measuresIntensities: false })).label).toMatchObject({
      values: [0, 1, 2, 3],
      counts,
    });
    const { channels } = await fingerprintCase({ ...task, draws: null });
    const foreground = labels.flatMap((value, i) => (value > 0 ? [i - 50] : []));
    expect([...channels[0]!.values]).toEqual(foreground);
  },
);

test("an image's facts are those of all its voxels, of any type", async () => {
  const path = join(folder, "image.mha");
  const voxels = BigInt64Array.from({ length: 40_000 }, (_, i) => BigInt(i) - 7n);
  await writeImage({ ...testImage([4, 100, 100]), voxels }, path);
  const { images } = await examineCase({
    reader: "SimpleITKIO",
    images: [path],
    label: null,
    measuresIntensities: true,
  });
  const intensities = { minimum: -7, maximum: 39_992, mean: 19_992.5 };
  expect(images[0]).toMatchObject({ intensities, nanVoxels: 0 });
});

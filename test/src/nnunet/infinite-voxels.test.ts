import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { readNpz } from "../../../src/nnunet/files/read-npz.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const dataset = "Dataset007_Infinite";
let folder: string;
let terminal: TestTerminal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "infinite-"));
  terminal = testTerminal(folder, {
    nnUNet_raw: join(folder, "raw"),
    nnUNet_preprocessed: join(folder, "pre"),
    nnUNet_results: join(folder, "res"),
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A MetaImage of 2 × 3 × 4 voxels of 1 mm. */
function metaImage(type: "MET_FLOAT" | "MET_UCHAR", voxels: Float32Array | Uint8Array): Buffer {
  const header = [
    "ObjectType = Image",
    "NDims = 3",
    "BinaryData = True",
    "BinaryDataByteOrderMSB = False",
    "DimSize = 4 3 2",
    "ElementSpacing = 1 1 1",
    `ElementType = ${type}`,
    "ElementDataFile = LOCAL",
    "",
  ];
  return Buffer.concat([
    Buffer.from(header.join("\n")),
    Buffer.from(voxels.buffer, voxels.byteOffset, voxels.byteLength),
  ]);
}

async function preprocess(channel: string): Promise<number> {
  const raw = join(folder, "raw", dataset);
  const preprocessed = join(folder, "pre", dataset);
  for (const path of [join(raw, "imagesTr"), join(raw, "labelsTr"), preprocessed])
    mkdirSync(path, { recursive: true });
  const image = Float32Array.from({ length: 24 }, (_, i) => i);
  image[1] = Number.POSITIVE_INFINITY;
  image[23] = Number.NEGATIVE_INFINITY;
  writeFileSync(join(raw, "imagesTr", "a_0000.mha"), metaImage("MET_FLOAT", image));
  const label = Uint8Array.from({ length: 24 }, (_, i) => Number(i > 8 && i < 15));
  writeFileSync(join(raw, "labelsTr", "a.mha"), metaImage("MET_UCHAR", label));
  const json = {
    channel_names: { "0": channel },
    labels: { background: 0, a: 1 },
    numTraining: 1,
    file_ending: ".mha",
  };
  writeFileSync(join(raw, "dataset.json"), JSON.stringify(json));
  const intensities = {
    mean: 10,
    std: 5,
    percentile_00_5: -20,
    percentile_99_5: 40,
    median: 10,
    min: 0,
    max: 99,
  };
  const fingerprint = {
    spacings: [[1, 1, 1]],
    shapes_after_crop: [[2, 3, 4]],
    median_relative_size_after_cropping: 1,
    foreground_intensity_properties_per_channel: { "0": intensities },
  };
  writeFileSync(join(preprocessed, "dataset_fingerprint.json"), JSON.stringify(fingerprint));
  expect(await main(["plan", dataset], terminal)).toBe(0);
  return main(["preprocess", dataset, "-c", "3d_fullres", "--format", "npz"], terminal);
}

test("infinite voxels of CT are clipped, as nnU-Net does", async () => {
  expect(await preprocess("CT")).toBe(0);
  const file = join(folder, "pre", dataset, "nnUNetPlans_3d_fullres", "a.npz");
  const { values } = await readNpz(file, "data");
  // nnU-Net 2.8.1: (40 − 10) / 5 and (−20 − 10) / 5.
  expect([values[1], values[23]]).toEqual([6, -6]);
});

test.each(["MRI", "noNorm", "rescale_to_0_1"])(
  "infinite voxels of %s are refused, because nnU-Net makes the whole channel NaN",
  async (channel) => {
    expect(await preprocess(channel)).toBe(4);
    expect(terminal.printed.err).toMatch(/IMAGE_NOT_FINITE: .*a_0000\.mha: 2 voxels are NaN or infinite/);
    expect(terminal.printed.err).toContain("nnU-Net would make the whole channel NaN");
  },
);

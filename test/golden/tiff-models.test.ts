import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import type { Image } from "../../processor/imaging/volume/image.js";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { shortType, tiff, tiffPage } from "../support/images/tiff-builder.js";
import { withConvertedModel } from "../support/model/convert.js";
import { predictWith } from "../support/model/predict.js";

interface TiffModel {
  readonly golden: string;
  readonly caseName: string;
  /** The ending of the golden model's files. */
  readonly goldenEnding: string;
  readonly ending: string;
  readonly imageReader: "NaturalImage2DIO" | "Tiff3DIO";
  /** Writes the golden input as files with the model's ending. */
  readonly writeInput: (image: Image, folder: string) => Promise<void> | void;
}

const photograph = {
  golden: "photos_2d",
  caseName: "photo_012",
  goldenEnding: ".png",
  imageReader: "NaturalImage2DIO",
} as const;

const models: readonly TiffModel[] = [
  {
    ...photograph,
    ending: ".tif",
    writeInput: (image, folder) => writeFileSync(join(folder, "photo_012_0000.tif"), rgbTiff(image)),
  },
  {
    ...photograph,
    ending: ".bmp",
    writeInput: (image, folder) => writeFileSync(join(folder, "photo_012_0000.bmp"), rgbBmp(image)),
  },
  {
    ...{
      golden: "blobs_3d_fullres",
      caseName: "blob_010",
      goldenEnding: ".nii.gz",
      ending: ".tif",
      imageReader: "Tiff3DIO",
    },
    async writeInput(image, folder) {
      await writeImage(image, join(folder, "blob_010_0000.tif"));
      const spacing = image.geometry.spacingMmZyx;
      writeFileSync(join(folder, "blob_010.json"), JSON.stringify({ spacing }));
    },
  },
];

describe("a model for TIFF or BMP images gives nnU-Net's segmentation, from file to file", () => {
  test.each(models)("$imageReader with $ending", { timeout: 600_000 }, async (model) => {
    const scratch = mkdtempSync(join(tmpdir(), "tiff-model-"));
    try {
      const { golden, caseName, goldenEnding } = model;
      const path = await segment(model, scratch);
      const expectedPath = goldenPath("v2", golden, "expected", caseName, `seg${goldenEnding}`);
      const found = await compareSegmentations(path, expectedPath);
      for (const [axis, spacing] of found.expectedGeometry.spacingMmZyx.entries())
        expect(found.geometry.spacingMmZyx[axis]).toBeCloseTo(spacing, 6);
      // nnU-Net adds up windows in float16, which flips single voxels.
      expect(found.differing).toBeLessThanOrEqual(found.voxels / 10_000);
      for (const dice of Object.values(found.dice)) expect(dice).toBeGreaterThanOrEqual(0.999);
      expect(Object.keys(found.dice).length).toBeGreaterThan(0);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});

async function segment(model: TiffModel, scratch: string): Promise<string> {
  const { golden, caseName, goldenEnding, ending, imageReader, writeInput } = model;
  const modelDir = join(scratch, "model");
  cpSync(goldenPath("v2", golden, "model"), modelDir, { recursive: true });
  edit(join(modelDir, "dataset.json"), { file_ending: ending });
  edit(join(modelDir, "plans.json"), { image_reader_writer: imageReader });
  const inputDir = join(scratch, "input");
  mkdirSync(inputDir);
  const original = goldenPath("v2", golden, "input", `${caseName}_0000${goldenEnding}`);
  await writeInput(await readImage(original), inputDir);
  const outputDir = join(scratch, "output");
  return withConvertedModel(modelDir, async ({ folder }) => {
    const { cases } = await predictWith({
      modelDir: folder,
      inputs: [inputDir],
      outputDir,
      folds: ["0"],
      useTestTimeAugmentation: false,
    });
    expect(cases.map(({ name, status, error }) => ({ name, status, error }))).toEqual([
      { name: caseName, status: "done", error: undefined },
    ]);
    return join(outputDir, `${caseName}${ending}`);
  });
}

function edit(file: string, fields: Readonly<Record<string, string>>): void {
  const json = { ...(JSON.parse(readFileSync(file, "utf8")) as object), ...fields };
  rmSync(file);
  writeFileSync(file, JSON.stringify(json));
}

function rgbTiff({ voxels, geometry }: Image): Buffer {
  const [, height, width] = geometry.sizeZyx;
  const count = width * height;
  const colours = Uint8Array.from({ length: 3 * count }, (_, i) =>
    Number(voxels[(i % 3) * count + Math.floor(i / 3)]),
  );
  const fields = tiffPage({ width, height, bytes: colours.length });
  const photometricRgb = [262, shortType, 1, 2] as const;
  const samplesPerPixel = [277, shortType, 1, 3] as const;
  return tiff(colours, [[...fields, photometricRgb, samplesPerPixel].sort(([a], [b]) => a - b)]);
}

/** Returns a BMP with 24 bits a pixel: blue, green and red, the lowest row first. */
function rgbBmp({ voxels, geometry }: Image): Buffer {
  const [, height, width] = geometry.sizeZyx;
  const rowBytes = Math.ceil((width * 3) / 4) * 4;
  const bytes = Buffer.alloc(54 + rowBytes * height);
  bytes.write("BM", "latin1");
  for (const [at, value] of [
    ...[[10, 54] as const, [14, 40] as const, [18, width] as const, [22, height] as const],
  ])
    bytes.writeUInt32LE(value, at);
  bytes.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < 3 * width; i++) {
      const colour = 2 - (i % 3);
      bytes[54 + (height - 1 - y) * rowBytes + i] = Number(
        voxels[(colour * height + y) * width + Math.floor(i / 3)],
      );
    }
  }
  return bytes;
}

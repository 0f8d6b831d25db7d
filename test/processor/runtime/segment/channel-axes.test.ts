import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../../processor/imaging/formats/write-image.js";
import type { Image } from "../../../../processor/imaging/volume/image.js";
import { orientationLetters } from "../../../../processor/imaging/volume/reorient.js";
import { inOrientationOf } from "../../../../processor/imaging/volume/turn-image.js";
import { goldenPath } from "../../../support/golden.js";
import { convertGolden } from "../../../support/model/convert.js";
import { predictWith } from "../../../support/model/predict.js";

const scratch = mkdtempSync(join(tmpdir(), "channel-axes-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const channel = (number: number): Promise<Image> =>
  readImage(goldenPath("v2", "mr_regions_resenc_3d", "input", `mr_008_000${number}.mha`));

/** Turns an image so that its x axis runs to the head, and its z axis to the right. */
function inSar(image: Image): Image {
  const directionXyz = [0, 0, -1, 0, -1, 0, 1, 0, 0] as const;
  return inOrientationOf({ ...image.geometry, directionXyz }, image);
}

let lps: readonly Image[];
let sar: readonly Image[];
beforeAll(async () => {
  lps = [await channel(0), await channel(1)];
  sar = lps.map(inSar);
});

/** Returns the segmentation of a case whose channels are given, by a model with a reader of nnU-Net. */
async function segmented(reader: string, channels: readonly Image[]): Promise<Image> {
  const folder = mkdtempSync(join(scratch, "case-"));
  const modelDir = join(folder, "model");
  await convertGolden({ name: "mr_regions_resenc_3d", outputDir: modelDir });
  const manifest = join(modelDir, "manifest.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"SimpleITKIO"', `"${reader}"`));
  const input = join(folder, "input");
  mkdirSync(input);
  for (const [number, image] of channels.entries())
    await writeImage(image, join(input, `c_000${number}.nii.gz`));
  const outputDir = join(folder, "output");
  await predictWith({
    modelDir,
    inputs: [input],
    outputDir,
    useTestTimeAugmentation: false,
    stepSize: 1,
  });
  return readImage(join(outputDir, "c.nii.gz"));
}

// What nnU-Net 2.8.1 writes for this model and these channels is on the same axes.
test.each([
  { reader: "NibabelIOWithReorient", first: "LPS", axes: "LPS" },
  { reader: "NibabelIOWithReorient", first: "SAR", axes: "SAR" },
  { reader: "SimpleITKIOWithReorient", first: "LPS", axes: "SAR" },
  { reader: "SimpleITKIOWithReorient", first: "SAR", axes: "LPS" },
])(
  "$reader turns each channel, and a case that begins with $first is written as $axes",
  async ({ reader, first, axes }) => {
    const expected = await segmented(reader, lps);
    const found = await segmented(reader, first === "LPS" ? [lps[0]!, sar[1]!] : [sar[0]!, lps[1]!]);
    expect(orientationLetters(found.geometry)).toBe(axes);
    const turned = inOrientationOf(lps[0]!.geometry, found);
    expect(turned.voxels).toEqual(expected.voxels);
    expect(turned.voxels.some((label) => label === 3)).toBe(true);
    expect(turned.geometry.originMmXyz.map((mm) => mm.toFixed(3))).toEqual(
      lps[0]!.geometry.originMmXyz.map((mm) => mm.toFixed(3)),
    );
  },
);

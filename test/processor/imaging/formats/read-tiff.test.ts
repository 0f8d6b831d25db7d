import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import type { Image } from "../../../../processor/imaging/volume/image.js";
import { repositoryRoot } from "../../../support/golden.js";

/** The result of nnU-Net's reader class for a file; null if it refuses the file. See test/peer/tiff_fixtures.py. */
interface Expected {
  /** The sizes in the order channels, z, y, x. */
  readonly shape: readonly number[];
  readonly spacingZyx: readonly number[];
  /** The digest of the voxels as float32. */
  readonly sha256: string;
}

const folder = join(repositoryRoot, "test", "fixtures", "tiff");
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Readonly<
  Record<string, Readonly<Record<string, Expected | null>>>
>;
const cases = Object.entries(expected).flatMap(([name, readers]) =>
  Object.entries(readers).map(([imageReader, wanted]) => ({ name, imageReader, wanted })),
);

const sha256 = ({ voxels }: Image): string =>
  createHash("sha256")
    .update(new Uint8Array(Float32Array.from(voxels, Number).buffer))
    .digest("hex");

const summary = (image: Image): Expected => ({
  shape: [image.components, ...image.geometry.sizeZyx],
  spacingZyx: image.geometry.spacingMmZyx,
  sha256: sha256(image),
});

describe("a TIFF or BMP file is read as nnU-Net's reader reads it", () => {
  const read = cases.filter(({ wanted, imageReader }) => wanted !== null && imageReader !== "SimpleITKIO");
  test.each(read)("$name by $imageReader", async ({ name, imageReader, wanted }) => {
    expect(summary(await readImage(join(folder, name), { imageReader }))).toEqual(wanted);
  });

  const refused = cases.filter(({ wanted }) => wanted === null);
  test.each(refused)("$name is refused by $imageReader", async ({ name, imageReader }) => {
    await expect(readImage(join(folder, name), { imageReader })).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
      message: expect.stringContaining(imageReader),
    });
  });

  // Resolution tags are floats per centimetre.
  test.each(cases.filter(({ imageReader }) => imageReader === "SimpleITKIO"))(
    "$name has the spacing that ITK reads",
    async ({ name, imageReader, wanted }) => {
      const found = summary(await readImage(join(folder, name), { imageReader }));
      expect({ ...found, spacingZyx: null }).toEqual({ ...wanted, spacingZyx: null });
      for (const [axis, spacing] of wanted!.spacingZyx.entries())
        expect(found.spacingZyx[axis]! / spacing).toBeCloseTo(1, 6);
    },
  );

  test("every fixture has an expected result", () => {
    const images = readdirSync(folder).filter((name) => !/\.(json|md)$/.test(name));
    expect(images.sort()).toEqual(Object.keys(expected).sort());
  });
});

describe("a TIFF file that is read without a model", () => {
  test.each([
    { name: "flat16.tif", shape: [1, 1, 6, 7], spacingZyx: [999, 1, 1], dimensions: 2 },
    { name: "rgb.tif", shape: [3, 1, 6, 7], spacingZyx: [999, 1, 1], dimensions: 2 },
    { name: "rgb_planar.tif", shape: [3, 1, 6, 7], spacingZyx: [999, 1, 1], dimensions: 2 },
    { name: "int16.tif", shape: [1, 5, 6, 7], spacingZyx: [1, 1, 1], dimensions: 3 },
    { name: "three_pages.tif", shape: [1, 3, 6, 7], spacingZyx: [1, 1, 1], dimensions: 3 },
    { name: "spaced_0000.tif", shape: [1, 5, 6, 7], spacingZyx: [2.5, 0.8, 0.7], dimensions: 3 },
    { name: "rgb_stack.tif", shape: [3, 5, 6, 7], spacingZyx: [1, 1, 1], dimensions: 3 },
  ])("the axes of $name come from the file itself", async ({ name, shape, spacingZyx, dimensions }) => {
    const image = await readImage(join(folder, name));
    expect([image.components, ...image.geometry.sizeZyx]).toEqual(shape);
    expect(image.geometry).toMatchObject({ spacingMmZyx: spacingZyx, dimensions });
  });
});

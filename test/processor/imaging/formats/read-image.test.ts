import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { repositoryRoot } from "../../../support/golden.js";

/** The results of SimpleITK (or of skimage, for photographs) for each file; see test/peer/image_fixtures.py. */
interface Expected {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly spacingXyz: readonly number[];
  readonly originXyz: readonly number[];
  /** Null for a flat image. */
  readonly direction: readonly number[] | null;
}

const folder = join(repositoryRoot, "test", "fixtures", "images");
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Readonly<
  Record<string, Expected>
>;

describe("an image is read as ITK reads it", () => {
  test.each(Object.keys(expected))("%s", async (name) => {
    const { voxels, geometry, components } = await readImage(join(folder, name));
    const wanted = expected[name]!;
    const [z, y, x] = geometry.sizeZyx;
    const isFlat = wanted.direction === null;
    const hasComponents = components > 1 || name.endsWith(".png");
    const shape = [...(hasComponents ? [components] : []), ...(isFlat ? [y, x] : [z, y, x])];
    expect(shape).toEqual(wanted.shape);
    expect(Array.from(voxels, Number)).toEqual(wanted.values);
    const [sz, sy, sx] = geometry.spacingMmZyx;
    for (const [i, value] of wanted.spacingXyz.entries()) expect([sx, sy, sz][i]).toBeCloseTo(value, 6);
    for (const [i, value] of wanted.originXyz.entries())
      expect(geometry.originMmXyz[i]).toBeCloseTo(value, 5);
    // A quaternion is stored in float32.
    for (const [i, value] of (wanted.direction ?? []).entries())
      expect(geometry.directionXyz[i]).toBeCloseTo(value, 6);
    // nnU-Net's readers give a flat image a z spacing that is far larger than the spacings of the other axes.
    if (isFlat) expect(sz).toBe(name.endsWith(".png") ? 999 : 999 * Math.max(sx, sy));
  });

  test("every fixture has an expected result", () => {
    const images = readdirSync(folder).filter((name) => !/\.(json|raw|zraw)$/.test(name));
    expect(images.sort()).toEqual(Object.keys(expected).sort());
  });
});

describe("a file that cannot be read is refused with the reason", () => {
  test("the error for an unknown ending names the known endings", async () => {
    await expect(readImage("scan.dcm")).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
      message: expect.stringContaining(".nii.gz, .nii, .nrrd, .mha, .mhd, .png"),
    });
  });

  test("the error for a missing file names it", async () => {
    await expect(readImage(join(folder, "nothing.mha"))).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });
});

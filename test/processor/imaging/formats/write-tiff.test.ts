import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { writeLabelMap } from "../../../../processor/imaging/formats/write-image.js";
import type { Zyx } from "../../../../processor/imaging/volume/axes.js";
import { type Geometry, identityDirection } from "../../../../processor/imaging/volume/geometry.js";
import type { LabelMap } from "../../../../processor/imaging/volume/label-map.js";
import { describeWith, needs } from "../../../support/needs.js";
import { outputOf } from "../../../support/program-on-path.js";

const scratch = mkdtempSync(join(tmpdir(), "write-tiff-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const geometry = (sizeZyx: Zyx, dimensions: 2 | 3): Geometry => ({
  sizeZyx,
  spacingMmZyx: dimensions === 2 ? [999, 1, 1] : [2.5, 0.8, 0.7],
  originMmXyz: [0, 0, 0],
  directionXyz: identityDirection,
  dimensions,
});

/** Makes a label map in shared memory, where the processor's own label maps are. */
function labelMap(sizeZyx: Zyx, dimensions: 2 | 3, step: number): LabelMap {
  const count = sizeZyx[0] * sizeZyx[1] * sizeZyx[2];
  const voxels =
    step > 1
      ? new Uint16Array(new SharedArrayBuffer(2 * count))
      : new Uint8Array(new SharedArrayBuffer(count));
  for (let i = 0; i < count; i++) voxels[i] = ((i * 7) % 11) * step;
  return { voxels, geometry: geometry(sizeZyx, dimensions) };
}

const cases = [
  { name: "volume.tif", map: labelMap([5, 6, 7], 3, 1), reader: "Tiff3DIO" },
  { name: "wide.tiff", map: labelMap([5, 6, 7], 3, 100), reader: "Tiff3DIO" },
  { name: "three.tif", map: labelMap([3, 6, 7], 3, 1), reader: "Tiff3DIO" },
  { name: "one.tif", map: labelMap([1, 5, 5], 3, 1), reader: "Tiff3DIO" },
  { name: "columns.tif", map: labelMap([5, 6, 3], 3, 1), reader: "Tiff3DIO" },
  { name: "flat.tif", map: labelMap([1, 6, 7], 2, 1), reader: "NaturalImage2DIO" },
  { name: "flat_wide.tif", map: labelMap([1, 6, 7], 2, 100), reader: "NaturalImage2DIO" },
  { name: "flat.bmp", map: labelMap([1, 6, 7], 2, 1), reader: "NaturalImage2DIO" },
];

const write = ({ name, map }: { readonly name: string; readonly map: LabelMap }): Promise<void> =>
  writeLabelMap(map, join(scratch, name), { path: name, format: "tiff" });

describe("a segmentation is read as it was written", () => {
  test.each(cases)("$name", async ({ name, map, reader }) => {
    await write({ name, map });
    const found = await readImage(join(scratch, name), { imageReader: reader });
    expect(found.voxels).toEqual(map.voxels.slice());
    expect(found.geometry).toEqual(map.geometry);
  });
});

// NNUNET_VENV names an environment with the real nnU-Net, as in the benchmarks.
const venv = process.env["NNUNET_VENV"];

describeWith([needs.nnunet], "nnU-Net reads the written files", () => {
  const script = `
import sys, json
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO
seg, properties = {"Tiff3DIO": Tiff3DIO, "NaturalImage2DIO": NaturalImage2DIO}[sys.argv[1]]().read_seg(sys.argv[2])
print(json.dumps([seg.shape, [int(v) for v in seg.ravel()], properties["spacing"]]))`;

  test.each(cases)("$name", { timeout: 600_000 }, async ({ name, map, reader }) => {
    await write({ name, map });
    const printed = await outputOf(join(venv!, "bin", "python"), "-c", script, reader, join(scratch, name));
    expect(JSON.parse(printed)).toEqual([
      [1, ...map.geometry.sizeZyx],
      Array.from(map.voxels),
      map.geometry.spacingMmZyx,
    ]);
  });
});

describe("the spacing next to a volume", () => {
  test("is written as nnU-Net writes it", async () => {
    await write({ name: "case.tif", map: labelMap([5, 6, 7], 3, 1) });
    expect(JSON.parse(readFileSync(join(scratch, "case.json"), "utf8"))).toEqual({
      spacing: [2.5, 0.8, 0.7],
    });
  });

  test("replaces an earlier spacing, but no other file", async () => {
    const map = labelMap([5, 6, 7], 3, 1);
    writeFileSync(join(scratch, "again.json"), '{"spacing": [1, 1, 1]}');
    await write({ name: "again.tif", map });
    expect(readFileSync(join(scratch, "again.json"), "utf8")).toContain("2.5");
    for (const [name, content] of [
      ["results", '{"cases": []}'],
      ["notes", "not JSON"],
    ] as const) {
      writeFileSync(join(scratch, `${name}.json`), content);
      await expect(write({ name: `${name}.tif`, map })).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
      expect(readFileSync(join(scratch, `${name}.json`), "utf8")).toBe(content);
      expect(existsSync(join(scratch, `${name}.tif`))).toBe(false);
    }
  });

  test("is not written for a photograph", async () => {
    await write({ name: "photograph.tif", map: labelMap([1, 6, 7], 2, 1) });
    expect(existsSync(join(scratch, "photograph.json"))).toBe(false);
  });
});

test("labels above 255 and several slices are refused for a BMP", async () => {
  for (const map of [labelMap([1, 6, 7], 2, 100), labelMap([5, 6, 7], 3, 1)])
    await expect(write({ name: "no.bmp", map })).rejects.toMatchObject({ code: "IMAGE_UNSUPPORTED" });
});

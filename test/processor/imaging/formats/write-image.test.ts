import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { writeImage, writeLabelMap } from "../../../../processor/imaging/formats/write-image.js";
import { voxelCount } from "../../../../processor/imaging/volume/axes.js";
import { repositoryRoot } from "../../../support/golden.js";

const fixtures = join(repositoryRoot, "test", "fixtures", "images");
const scratch = mkdtempSync(join(tmpdir(), "write-image-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const inputs = [
  "int16.nii.gz",
  "flipped.nii",
  "codes_q0_s2.nii",
  "codes_q1_s0.nii",
  "int16.mha",
  "int16.nrrd",
  "flat.mha",
];
const endings = [".nii.gz", ".nii", ".mha", ".nrrd"];

describe("a label map has the geometry of its image", () => {
  test.each(inputs.flatMap((input) => endings.map((ending) => ({ input, ending }))))(
    "$input as $ending",
    async ({ input, ending }) => {
      const image = await readImage(join(fixtures, input));
      const labels = Uint8Array.from({ length: voxelCount(image.geometry.sizeZyx) }, (_, i) => i % 7);
      const path = join(scratch, `${input}${ending}`);
      await writeLabelMap({ voxels: labels, geometry: image.geometry }, path, image.source);
      const { voxels, geometry } = await readImage(path);
      expect(voxels).toEqual(labels);
      const isSameFormat = input.slice(input.indexOf(".")).replace(".gz", "") === ending.replace(".gz", "");
      if (isSameFormat) expect(geometry).toEqual(image.geometry);
      else expectCloseGeometry(geometry, image.geometry);
    },
  );

  function expectCloseGeometry(found: object, wanted: object): void {
    for (const [key, value] of Object.entries(wanted) as [string, readonly number[] | number][]) {
      const other = (found as Record<string, readonly number[] | number>)[key]!;
      // NIfTI keeps spacing and orientation in float32.
      for (const [i, number] of [value].flat().entries()) expect([other].flat()[i]).toBeCloseTo(number, 4);
    }
  }

  test("NIfTI to NIfTI keeps every byte of the orientation", async () => {
    const image = await readImage(join(fixtures, "codes_q2_s1.nii"));
    const path = join(scratch, "kept.nii.gz");
    await writeLabelMap({ voxels: new Uint8Array(60), geometry: image.geometry }, path, image.source);
    const before = readFileSync(join(fixtures, "codes_q2_s1.nii"));
    const after = gunzipSync(readFileSync(path));
    expect(after.subarray(76, 108)).toEqual(before.subarray(76, 108));
    expect(after.subarray(252, 328)).toEqual(before.subarray(252, 328));
  });
});

describe("free text of a header does not reach a result", () => {
  const labels = Uint8Array.from({ length: 24 }, (_, i) => i % 7);
  const written = async (name: string, header: string): Promise<{ text: string; geometry: object[] }> => {
    const input = join(scratch, `input${name}`);
    writeFileSync(input, Buffer.concat([Buffer.from(header), Buffer.alloc(24)]));
    const image = await readImage(input);
    const output = join(scratch, `output${name}`);
    await writeLabelMap({ voxels: labels, geometry: image.geometry }, output, image.source);
    return {
      text: readFileSync(output, "latin1").slice(0, 700),
      geometry: [image.geometry, (await readImage(output)).geometry],
    };
  };

  test("key/value pairs of an NRRD", async () => {
    const { text, geometry } = await written(
      ".nrrd",
      "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 3 2\nencoding: raw\nspace: ras\nspace directions: (0.50,0,0) (0, 2e0, 0) (0,0,3)\nspace origin: (1,2,3)\nspace origin:=(7,7,7)\nspace:=evil\n\n",
    );
    expect(text).toContain(
      "space: right-anterior-superior\nsizes: 4 3 2\nspace directions: (0.50,0,0) (0,2e0,0) (0,0,3)\n",
    );
    expect(text).toContain("space origin: (1,2,3)\n");
    expect(text).not.toContain("evil");
    expect(geometry[1]).toEqual(geometry[0]);
  });

  test("text after the numbers of a MetaImage", async () => {
    const { text, geometry } = await written(
      ".mha",
      "NDims = 3\nDimSize = 4 3 2\nElementType = MET_UCHAR\nOffset = 7 7 7\nOrigin = 1.50 2 3 evil\nRotation = 0 1 0 -1 0 0 0 0 1 evil\nElementSize = 1 2 3 evil\nElementDataFile = LOCAL\n",
    );
    expect(text).toContain("TransformMatrix = 0 1 0 -1 0 0 0 0 1\nOffset = 1.50 2 3\n");
    expect(text).toContain("ElementSpacing = 1 2 3\n");
    expect(text).not.toContain("evil");
    expect(geometry[1]).toEqual(geometry[0]);
  });
});

test.each([".mhd", ".nhdr"])(
  "%s is refused with the ending of a single file, because it would need two",
  async (ending) => {
    const image = await readImage(join(fixtures, "int16.mha"));
    await expect(writeImage(image, join(scratch, `two${ending}`))).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
      message: expect.stringMatching(/write .*\.(?:mha|nrrd) instead/),
    });
  },
);

describe("GIPL", () => {
  test.each([".gipl", ".gipl.gz"])("a label map as %s has the geometry of its image", async (ending) => {
    const image = await readImage(join(fixtures, "float32.gipl"));
    for (const voxels of [Uint8Array.from({ length: 60 }, (_, i) => i), new Uint16Array(60).fill(700)]) {
      const path = join(scratch, `labels-${voxels.BYTES_PER_ELEMENT}${ending}`);
      await writeLabelMap({ voxels, geometry: image.geometry }, path, image.source);
      const read = await readImage(path);
      expect(read.voxels).toEqual(voxels);
      expect(read.geometry).toEqual(image.geometry);
    }
  });

  test("an axis that a negative spacing reverses stays reversed", async () => {
    const content = readFileSync(join(fixtures, "float32.gipl"));
    content.writeFloatBE(-0.5, 14);
    const path = join(scratch, "turned-input.gipl");
    writeFileSync(path, content);
    const image = await readImage(path);
    expect(image.geometry.directionXyz).toEqual([1, 0, 0, 0, -1, 0, 0, 0, 1]);
    expect(image.geometry.spacingMmZyx[1]).toBe(0.5);
    await writeImage(image, join(scratch, "turned-output.gipl"));
    expect((await readImage(join(scratch, "turned-output.gipl"))).geometry).toEqual(image.geometry);
  });

  test.each([
    {
      name: "without its magic number",
      edit: (content: Buffer) => content.fill(0, 252, 256),
      code: "IMAGE_INVALID",
    },
    {
      name: "of complex voxels",
      edit: (content: Buffer) => content.writeUInt16BE(192, 8),
      code: "IMAGE_UNSUPPORTED",
    },
    {
      name: "with a spacing of 0",
      edit: (content: Buffer) => content.writeFloatBE(0, 10),
      code: "IMAGE_INVALID",
    },
    {
      name: "with an origin of NaN",
      edit: (content: Buffer) => content.writeDoubleBE(Number.NaN, 204),
      code: "IMAGE_INVALID",
    },
    { name: "of no voxel", edit: (content: Buffer) => content.writeUInt16BE(0, 0), code: "IMAGE_EMPTY" },
    {
      name: "with fewer voxels than it announces",
      edit: (content: Buffer) => content.writeUInt16BE(6, 0),
      code: "IMAGE_TRUNCATED",
    },
  ])("a file $name is refused", async ({ edit, code }) => {
    const content = readFileSync(join(fixtures, "float32.gipl"));
    edit(content);
    const path = join(scratch, "damaged.gipl");
    writeFileSync(path, content);
    await expect(readImage(path)).rejects.toMatchObject({ code });
  });

  test("an image whose direction GIPL cannot hold is refused", async () => {
    const image = await readImage(join(fixtures, "uint8.nrrd"));
    await expect(writeImage(image, join(scratch, "turned.gipl"))).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
      message: expect.stringContaining("cannot hold the image's direction"),
    });
  });
});

test("the same content gives the same bytes", async () => {
  const image = await readImage(join(fixtures, "int16.nii.gz"));
  await writeImage(image, join(scratch, "first.nii.gz"));
  await writeImage(image, join(scratch, "second.nii.gz"));
  expect(readFileSync(join(scratch, "first.nii.gz"))).toEqual(readFileSync(join(scratch, "second.nii.gz")));
});

test("labels above 255 survive", async () => {
  const image = await readImage(join(fixtures, "int16.mha"));
  const voxels = Uint16Array.from({ length: 60 }, (_, i) => 250 + i);
  for (const ending of [".nii.gz", ".mha", ".nrrd"]) {
    const path = join(scratch, `wide${ending}`);
    await writeLabelMap({ voxels, geometry: image.geometry }, path, image.source);
    expect((await readImage(path)).voxels).toEqual(voxels);
  }
});

test.each([new Uint8Array(20).fill(3), new Uint16Array(20).fill(700)])(
  "a flat label map becomes a PNG",
  async (voxels) => {
    const image = await readImage(join(fixtures, "rgb.png"));
    const path = join(scratch, `labels-${voxels.BYTES_PER_ELEMENT}.png`);
    await writeLabelMap({ voxels, geometry: image.geometry }, path, image.source);
    expect((await readImage(path)).voxels).toEqual(voxels);
  },
);

test("a missing folder is reported, and no partial file is left", async () => {
  const image = await readImage(join(fixtures, "int16.mha"));
  await expect(writeImage(image, join(scratch, "no", "where.mha"))).rejects.toMatchObject({
    code: "OUTPUT_UNWRITABLE",
  });
  expect(readdirSync(scratch).filter((name) => name.includes("partial"))).toEqual([]);
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { repositoryRoot } from "../../../support/golden.js";

const fixtures = join(repositoryRoot, "test", "fixtures", "images");
const scratch = mkdtempSync(join(tmpdir(), "read-faults-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const fixture = (name: string): Buffer => readFileSync(join(fixtures, name));

async function codeOf(name: string, content: Uint8Array | string): Promise<string> {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return readImage(path).then(
    () => "read",
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );
}

describe("a file that ends early is refused", () => {
  const whole = [
    "int16.nii.gz",
    "turned0_q1_s0.nii",
    "version2.nii",
    "int16.mha",
    "compressed.mha",
    "int16.nrrd",
    "spacings.nrrd",
    "rgb.png",
    "grey16.png",
  ];
  // The last eight bytes of gzip data are the checksum and the length.
  test.each(whole.flatMap((name) => [1, 9, 40].map((missing) => ({ name, missing }))))(
    "$name without its last $missing bytes",
    async ({ name, missing }) => {
      const content = fixture(name);
      expect(await codeOf(name, content.subarray(0, content.length - missing))).toBe("IMAGE_TRUNCATED");
    },
  );

  test.each([...whole, "two_members.nii.gz"])(
    "%s cut at any byte is never read as if it were whole",
    async (name) => {
      const content = fixture(name);
      for (let length = 0; length < content.length; length += 7) {
        // The header itself is cut, perhaps within the name of the file that holds the voxels.
        expect(["IMAGE_TRUNCATED", "IMAGE_INVALID", "INPUT_NOT_FOUND"]).toContain(
          await codeOf(name, content.subarray(0, length)),
        );
      }
    },
  );

  test("a gzip file with a wrong checksum", async () => {
    const content = fixture("int16.nii.gz");
    content[content.length - 8]! ^= 1;
    expect(await codeOf("checksum.nii.gz", content)).toBe("IMAGE_TRUNCATED");
  });
});

describe("the sizes in a header are checked before memory is allocated for them", () => {
  const nifti = (edit: (header: Buffer) => void): Buffer => {
    const content = fixture("turned0_q1_s0.nii");
    edit(content);
    return content;
  };
  const sizes = (x: number, y: number, z: number) =>
    nifti((header) => [x, y, z].forEach((size, i) => void header.writeInt16LE(size, 42 + 2 * i)));

  test.each([
    { name: "54 GB in .nii", file: "big.nii", content: sizes(30000, 30000, 30), code: "IMAGE_TRUNCATED" },
    {
      name: "a hundred GB in .nii",
      file: "huge.nii",
      content: sizes(30000, 30000, 60),
      code: "IMAGE_TRUNCATED",
    },
    {
      name: "more than gzip can hold",
      file: "bomb.nii.gz",
      content: gzipSync(sizes(2000, 2000, 300)),
      code: "IMAGE_TRUNCATED",
    },
    { name: "no voxel on an axis", file: "zero.nii", content: sizes(5, 0, 3), code: "IMAGE_EMPTY" },
    { name: "a negative size", file: "negative.nii", content: sizes(5, -4, 3), code: "IMAGE_INVALID" },
    {
      name: "a voxel offset that is not a number",
      file: "offset.nii",
      content: nifti((header) => void header.writeFloatLE(Number.NaN, 108)),
      code: "IMAGE_INVALID",
    },
    {
      name: "a spacing that is not a number",
      file: "pixdim.nii",
      content: nifti((header) => void header.writeFloatLE(Number.NaN, 80)),
      code: "IMAGE_INVALID",
    },
    {
      name: "complex voxels",
      file: "complex.nii",
      content: nifti((header) => void header.writeInt16LE(32, 70)),
      code: "IMAGE_UNSUPPORTED",
    },
    {
      name: "a PNG of 4 × 10⁹ pixels",
      file: "bomb.png",
      content: (() => {
        const content = fixture("rgb.png");
        content.writeUInt32BE(65535, 16);
        content.writeUInt32BE(65535, 20);
        content.writeUInt32BE(crc32(content.subarray(12, 29)), 29);
        return content;
      })(),
      code: "IMAGE_UNSUPPORTED",
    },
  ])("$name", async ({ file, content, code }) => {
    expect(await codeOf(file, content)).toBe(code);
  });

  const metaimage = (fields: string) =>
    `ObjectType = Image\nNDims = 3\n${fields}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n${" ".repeat(120)}`;

  test.each([
    { name: "huge", fields: "DimSize = 30000 30000 60", code: "IMAGE_TRUNCATED" },
    {
      name: "huge and compressed",
      fields: "CompressedData = True\nDimSize = 9000 9000 9",
      code: "IMAGE_TRUNCATED",
    },
    { name: "empty", fields: "DimSize = 5 0 3", code: "IMAGE_EMPTY" },
    { name: "huge and text", fields: "BinaryData = False\nDimSize = 9000 9000 9", code: "IMAGE_TRUNCATED" },
    {
      name: "without spacing on an axis",
      fields: "ElementSpacing = 0 1 1\nDimSize = 5 4 3",
      code: "IMAGE_INVALID",
    },
    {
      name: "without direction",
      fields: "TransformMatrix = 0 0 0 0 1 0 0 0 1\nDimSize = 5 4 3",
      code: "IMAGE_INVALID",
    },
  ])("a MetaImage $name", async ({ fields, code }) => {
    expect(await codeOf("claim.mha", metaimage(fields))).toBe(code);
  });

  const nrrd = (fields: string) =>
    `NRRD0004\ntype: short\ndimension: 3\nendian: little\n${fields}\n\n${" ".repeat(120)}`;

  test.each([
    { name: "huge", fields: "encoding: raw\nsizes: 30000 30000 60", code: "IMAGE_TRUNCATED" },
    { name: "empty", fields: "encoding: raw\nsizes: 5 0 3", code: "IMAGE_EMPTY" },
    { name: "huge and text", fields: "encoding: ascii\nsizes: 9000 9000 9", code: "IMAGE_TRUNCATED" },
    { name: "huge and hexadecimal", fields: "encoding: hex\nsizes: 9000 9000 9", code: "IMAGE_TRUNCATED" },
    {
      name: "huge and counted from the end of gzip data",
      fields: "encoding: gzip\nsizes: 9000 9000 9\nbyte skip: -1",
      code: "IMAGE_INVALID",
    },
    {
      name: "with an axis of size 0 next to a huge one",
      fields: "encoding: raw\nsizes: 4000000000 0 4000000000",
      code: "IMAGE_EMPTY",
    },
    {
      name: "with a byte skip that is not a number",
      fields: "encoding: raw\nsizes: 5 4 3\nbyte skip: x",
      code: "IMAGE_INVALID",
    },
  ])("an NRRD $name", async ({ fields, code }) => {
    expect(await codeOf("claim.nrrd", nrrd(fields))).toBe(code);
  });
});

test("a sheared sform without a qform is refused with a remedy, as ITK refuses it", async () => {
  const content = fixture("sheared_0.01.nii");
  content.writeInt16LE(0, 252);
  const path = join(scratch, "sheared.nii");
  writeFileSync(path, content);
  await expect(readImage(path)).rejects.toMatchObject({
    code: "IMAGE_INVALID",
    message: expect.stringContaining("Resample the image onto an orthogonal grid"),
  });
  // nibabel uses the sform unchanged.
  expect((await readImage(path, { imageReader: "NibabelIO" })).geometry.sizeZyx).toEqual([3, 4, 5]);
});

test("nibabel's rules are followed: the sform comes first, and a slope of 0 means no scaling", async () => {
  const itk = await readImage(join(fixtures, "codes_q2_s2.nii"));
  const nibabel = await readImage(join(fixtures, "codes_q2_s2.nii"), { imageReader: "NibabelIO" });
  expect(itk.geometry.originMmXyz).toEqual([-1, -2, 3]);
  expect(nibabel.geometry.originMmXyz).toEqual([4, 5, -6]);
  const added = await readImage(join(fixtures, "slope_zero.nii"));
  const plain = await readImage(join(fixtures, "slope_zero.nii"), { imageReader: "NibabelIO" });
  expect(Array.from(added.voxels, Number)).toEqual(
    Array.from(plain.voxels, Number).map((voxel) => voxel + 5),
  );
});

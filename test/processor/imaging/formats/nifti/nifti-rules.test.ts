import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { nibabelAffine } from "../../../../../processor/imaging/formats/nifti/nibabel-affine.js";
import { niftiGeometry } from "../../../../../processor/imaging/formats/nifti/nifti-geometry.js";
import { readImage } from "../../../../../processor/imaging/formats/read-image.js";
import type { NiftiOrientation } from "../../../../../processor/imaging/volume/image.js";
import { repositoryRoot } from "../../../../support/golden.js";
import { type NiftiFields, nifti } from "../../../../support/images/nifti-builder.js";

/** The orientation and the spacing that SimpleITK reads from a header; see test/peer/nifti_forms.py. */
interface FormCase extends NiftiOrientation {
  readonly name: string;
  /** Null if SimpleITK refuses the header. */
  readonly itk: {
    readonly spacingXyz: readonly number[];
    readonly originXyz: readonly number[];
    readonly direction: readonly number[];
  } | null;
}

const formCases = JSON.parse(
  readFileSync(join(repositoryRoot, "test", "fixtures", "nifti-forms.json"), "utf8"),
) as readonly FormCase[];

describe("orientation and spacing are those that ITK reads", () => {
  // The fixture has the shortest decimals for each float32.
  const exact = ({ pixdim, quaternion, srow, ...others }: FormCase) => ({
    ...others,
    ...{
      pixdim: pixdim.map(Math.fround),
      quaternion: quaternion.map(Math.fround),
      srow: srow.map(Math.fround),
    },
  });
  const geometryOf = (orientation: FormCase) =>
    niftiGeometry(
      "image.nii",
      { ...exact(orientation), version: 1 },
      {
        ...{ sizeZyx: [2, 2, 2], dimensions: 3, preferSform: false },
      },
    );

  test.each(formCases.filter(({ itk }) => itk !== null))("$name", ({ itk, ...orientation }) => {
    const { spacingMmZyx, originMmXyz, directionXyz } = geometryOf({ ...orientation, itk });
    const found = [...[...spacingMmZyx].reverse(), ...originMmXyz, ...directionXyz];
    const wanted = [...itk!.spacingXyz, ...itk!.originXyz, ...itk!.direction];
    // Headers store float32.
    for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 5);
  });

  test.each(formCases.filter(({ itk }) => itk === null))("$name is refused", (orientation) => {
    expect(() => geometryOf(orientation)).toThrow(expect.objectContaining({ code: "IMAGE_INVALID" }));
  });
});

const scratch = mkdtempSync(join(tmpdir(), "nifti-rules-"));
afterAll(() => rmSync(scratch, { recursive: true }));

async function read(voxels: Uint8Array, fields: NiftiFields, reader = "SimpleITKIO") {
  const path = join(scratch, "image.nii");
  writeFileSync(path, nifti(voxels, fields));
  return readImage(path, { imageReader: reader });
}

const bytes = Uint8Array.of(1, 2, 3, 4);

describe("NaN and infinite voxels", () => {
  const floats = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 7);
  const doubles = Float64Array.from(floats);
  test.each([
    { name: "float32", values: floats, datatype: 16, scaling: [1, 0] as const, voxels: [0, 0, 0, 7] },
    { name: "float64", values: doubles, datatype: 64, scaling: [1, 0] as const, voxels: [0, 0, 0, 7] },
    {
      name: "float32, scaled afterwards",
      values: floats,
      datatype: 16,
      scaling: [2, 3] as const,
      voxels: [3, 3, 3, 17],
    },
  ])("become 0 for ITK and are counted: $name", async ({ values, datatype, scaling, voxels }) => {
    const content = new Uint8Array(values.buffer);
    const fields = { datatype, bitpix: values.BYTES_PER_ELEMENT * 8, scaling };
    const image = await read(content, fields);
    expect([Array.from(image.voxels, Number), image.zeroedVoxels]).toEqual([voxels, 3]);
    const kept = await read(content, fields, "NibabelIO");
    expect(Array.from(kept.voxels, Number).slice(0, 3)).toEqual([Number.NaN, Infinity, -Infinity]);
    expect(kept).not.toHaveProperty("zeroedVoxels");
  });

  test("are not reported for a file without any", async () => {
    expect(await read(bytes, {})).not.toHaveProperty("zeroedVoxels");
  });
});

describe("a header that deviates slightly from the standard is read as ITK reads it", () => {
  test.each([
    { name: "a time axis of 0", fields: { dim: [4, 4, 1, 1, 0, 1, 1, 1] } },
    { name: "the magic of a pair", fields: { magic: "ni1" } },
    {
      name: "no magic, as Analyze 7.5",
      fields: { magic: "", scaling: [9, 9] as const, codes: [1, 1] as const },
    },
    { name: "no header size", fields: { headerBytes: 0 } },
    { name: "a slope of almost 0", fields: { scaling: [1e-20, 0] as const } },
  ])("$name", async ({ fields }) => {
    const { voxels, geometry } = await read(bytes, fields);
    expect(voxels).toEqual(bytes);
    expect(geometry.sizeZyx).toEqual([1, 1, 4]);
  });

  test("integers are converted to float32 before they are scaled", async () => {
    const large = Int32Array.of(16_777_217, -2_000_000_001, 3, 0);
    const fields = { datatype: 8, bitpix: 32, scaling: [0.5, 1] as const };
    const scaled = (value: number) => Math.fround(Math.fround(value) * 0.5 + 1);
    expect(Array.from((await read(new Uint8Array(large.buffer), fields)).voxels, Number)).toEqual(
      Array.from(large, scaled),
    );
  });

  test.each([
    { name: "zeros", more: new Uint8Array(20) },
    { name: "text", more: Buffer.from("and more") },
  ])("bytes after the gzip data are ignored: $name", async ({ more }) => {
    const path = join(scratch, "longer.nii.gz");
    writeFileSync(path, Buffer.concat([gzipSync(nifti(bytes)), more]));
    expect((await readImage(path)).voxels).toEqual(bytes);
  });

  test("a header whose voxels are in another file is refused", async () => {
    await expect(read(bytes, { magic: "ni1", voxelsAt: 0 })).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
    });
  });
});

describe("nibabel's rules", () => {
  const affine = async (fields: NiftiFields) => nibabelAffine(await read(bytes, fields, "NibabelIO"));

  test.each([
    {
      name: "the sign of pixdim is ignored, and 0 counts as 1",
      fields: { pixdim: [1, -2, 0, 3] },
      rows: [-2, 0, 0, 3, 0, 1, 0, 0, 0, 0, 3, 0],
    },
    {
      name: "a qfac other than -1 counts as 1",
      fields: { pixdim: [-3, 1, 1, 1], codes: [1, 0] as const },
      rows: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    },
    {
      name: "an unknown code counts as no code",
      fields: { codes: [1, 7] as const },
      rows: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    },
    {
      name: "a quaternion whose imaginary parts have a length of about 1 is a half turn",
      fields: { codes: [1, 0] as const, quaternion: [0, 0, 0.9999999] },
      rows: [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0],
    },
  ])("$name", async ({ fields, rows }) => {
    expect(await affine(fields)).toEqual([...rows, 0, 0, 0, 1]);
  });

  test.each([
    { name: "Analyze 7.5 in a .nii file", fields: { magic: "" }, code: "IMAGE_UNSUPPORTED" },
    {
      name: "a slope with an intercept of NaN",
      fields: { scaling: [2, Number.NaN] as const },
      code: "IMAGE_INVALID",
    },
    {
      name: "a quaternion longer than 1",
      fields: { codes: [1, 0] as const, quaternion: [1, 1, 0] },
      code: "IMAGE_INVALID",
    },
  ])("$name is refused", async ({ fields, code }) => {
    await expect(read(bytes, fields, "NibabelIO")).rejects.toMatchObject({ code });
  });
});

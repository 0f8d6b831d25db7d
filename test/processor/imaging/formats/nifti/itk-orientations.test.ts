import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { encodeNiftiHeader } from "../../../../../processor/imaging/formats/nifti/encode-nifti.js";
import type { Direction } from "../../../../../processor/imaging/volume/geometry.js";

interface Written {
  readonly direction: Direction;
  /** x, y, z. */
  readonly spacing: readonly [number, number, number];
  readonly srow: readonly number[];
  readonly quaternion: readonly number[];
  readonly qfac: number;
}

// Made by test/peer/itk_orientations.py.
const written = JSON.parse(
  readFileSync(new URL("../../../../../../test/fixtures/itk-orientations.json", import.meta.url), "utf8"),
) as readonly Written[];

test.each(written)("a header has the orientation that ITK writes, bit for bit ($#)", (itk) => {
  const [x, y, z] = itk.spacing;
  const header = encodeNiftiHeader(
    {
      geometry: {
        sizeZyx: [3, 4, 5],
        spacingMmZyx: [z, y, x],
        originMmXyz: [0, 0, 0],
        directionXyz: itk.direction,
        dimensions: 3,
      },
      voxels: new Float32Array(60),
      components: 1,
    },
    null,
  );
  const floats = (at: number): readonly number[] => [0, 4, 8].map((step) => header.readFloatLE(at + step));
  expect(header.readFloatLE(76)).toBe(itk.qfac);
  // Zeros may differ in their sign.
  const zeros = (values: readonly number[]) => values.map((value) => value + 0);
  expect(zeros(floats(256))).toEqual(zeros(itk.quaternion));
  expect(zeros([...floats(280), ...floats(296), ...floats(312)])).toEqual(zeros(itk.srow));
});

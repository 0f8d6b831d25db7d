import { afterAll, describe, expect, test } from "vitest";
import { voxelCount, type Zyx } from "../../../../processor/imaging/volume/axes.js";
import type { Direction, Geometry } from "../../../../processor/imaging/volume/geometry.js";
import { turnGeometry, turnToRas } from "../../../../processor/imaging/volume/reorient.js";
import { reorientCase } from "../../../../processor/runtime/preprocess/reorient-case.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";

const pool = openPool(1);
afterAll(() => pool.close());

const ras: Direction = [-1, 0, 0, 0, -1, 0, 0, 0, 1];
const directions: readonly { readonly name: string; readonly direction: Direction }[] = [
  { name: "LPS", direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
  { name: "RAS", direction: ras },
  { name: "sagittal", direction: [0, 0, 1, 1, 0, 0, 0, -1, 0] },
  { name: "coronal", direction: [1, 0, 0, 0, 0, 1, 0, -1, 0] },
  { name: "oblique", direction: [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1] },
];

const geometryOf = (directionXyz: Direction): Geometry => ({
  sizeZyx: [2, 3, 4],
  spacingMmZyx: [3, 0.5, 0.7],
  originMmXyz: [10, -20, 30],
  directionXyz,
  dimensions: 3,
});

/** Returns the position of a voxel in the patient. */
function place({ spacingMmZyx, originMmXyz, directionXyz }: Geometry, [z, y, x]: Zyx): readonly number[] {
  const steps = [x * spacingMmZyx[2], y * spacingMmZyx[1], z * spacingMmZyx[0]];
  return originMmXyz.map((part, row) =>
    steps.reduce((sum, step, axis) => sum + step * directionXyz[row * 3 + axis]!, part),
  );
}

describe.each(directions)("an image in the orientation $name", ({ direction, name }) => {
  const geometry = geometryOf(direction);

  test("is turned as close to RAS as its axes allow", () => {
    const turned = turnGeometry(geometry, turnToRas(geometry));
    if (name !== "oblique") expect(turned.directionXyz.map((part) => part + 0)).toEqual(ras);
    for (const axis of [0, 1, 2])
      expect(turned.directionXyz[axis * 4]! * ras[axis * 4]!).toBeGreaterThan(0.7);
  });

  test("keeps the position of every voxel in the patient, and is restored exactly when it is turned back", async () => {
    const count = voxelCount(geometry.sizeZyx);
    const channels = new Float32Array(new SharedArrayBuffer(count * 4));
    for (let i = 0; i < count; i++) channels[i] = i;
    const source = { path: "", format: "nifti", nifti: null } as const;
    const { volume, toNetworkOrientation, toImageOrientation } = await reorientCase(
      { channels, channelCount: 1, geometry, source },
      { pool, affine: null },
    );
    const [slices, rows, columns] = volume.geometry.sizeZyx;
    for (let i = 0; i < count; i++) {
      const at = [Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns] as const;
      const original = volume.channels[i]!;
      const from = [Math.floor(original / 12), Math.floor(original / 4) % 3, original % 4] as const;
      for (const [axis, value] of place(volume.geometry, at).entries()) {
        expect(value).toBeCloseTo(place(geometry, from)[axis]!, 10);
      }
    }
    expect(slices * rows * columns).toBe(count);
    const labels = { voxels: Uint8Array.from({ length: count }, (_, i) => i), geometry };
    const back = await toImageOrientation(await toNetworkOrientation(labels));
    expect(Array.from(back.voxels)).toEqual(Array.from(labels.voxels));
    expect(back.geometry).toEqual(geometry);
  });
});

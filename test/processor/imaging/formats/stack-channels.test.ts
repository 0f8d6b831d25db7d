import { describe, expect, test } from "vitest";
import { type StackOptions, stackChannels } from "../../../../processor/imaging/formats/stack-channels.js";
import { type Geometry, identityDirection } from "../../../../processor/imaging/volume/geometry.js";
import type { Image, VoxelArray } from "../../../../processor/imaging/volume/image.js";

const geometry: Geometry = {
  sizeZyx: [1, 2, 3],
  spacingMmZyx: [2, 1, 1],
  originMmXyz: [0, 0, 0],
  directionXyz: identityDirection,
  dimensions: 3,
};
const image = (path: string, voxels: VoxelArray, other: Partial<Geometry> = {}): Image => ({
  voxels,
  components: voxels.length / 6,
  geometry: { ...geometry, ...other },
  source: { path, format: "nifti", nifti: null },
});
const first = image("a_0000.nii", Int16Array.from([1, 2, 3, 4, 5, 6]));
const options = (warnings: string[] = []): StackOptions => ({
  channelNames: ["T1", "T2"],
  onWarning: (line) => warnings.push(line),
});

describe("channels of one case", () => {
  test("become float32 volumes one after another in shared memory, whatever their type", () => {
    const second = image("a_0001.nii", BigInt64Array.from([7n, 8n, 9n, 10n, 11n, -12n]));
    const { channels, channelCount } = stackChannels([first, second], options());
    expect(Array.from(channels)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -12]);
    expect(channels.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(channelCount).toBe(2);
  });

  test("that are flat and differ in spacing are refused without the thickness that nnU-Net invents", () => {
    const flat = (path: string, side: number) =>
      image(path, new Uint8Array(6), { dimensions: 2, spacingMmZyx: [999 * side, side, side] });
    expect(() => stackChannels([flat("a.nii", 1), flat("b.nii", 2)], options())).toThrow(
      "b.nii and a.nii differ in spacing in mm (y × x): 2 × 2 and 1 × 1",
    );
  });

  test("may be in one file", () => {
    const both = image(
      "a.nii",
      Uint8Array.from({ length: 12 }, (_, i) => i),
    );
    expect(stackChannels([both], options()).channelCount).toBe(2);
  });

  test("that are too few or too many are refused with the names of the model's channels", () => {
    expect(() => stackChannels([first], options())).toThrow("_0000 T1, _0001 T2");
    expect(() => stackChannels([first, first, first], options())).toThrow("but the files have 3");
  });

  test.each([
    { name: "size", other: { sizeZyx: [2, 1, 3] as const }, shown: "2 × 1 × 3 and 1 × 2 × 3" },
    { name: "spacing", other: { spacingMmZyx: [2, 1, 1.01] as const }, shown: "2 × 1 × 1.01 and 2 × 1 × 1" },
  ])("of a different $name are refused with both files and values", ({ other, shown }) => {
    const second = image("a_0001.nii", new Int16Array(6), other);
    expect(() => stackChannels([first, second], options())).toThrow(shown);
    expect(() => stackChannels([first, second], options())).toThrow("a_0001.nii and a_0000.nii");
  });

  test("of a different origin or direction are accepted with a warning, as in nnU-Net", () => {
    const warnings: string[] = [];
    const second = image("a_0001.nii", new Int16Array(6), {
      originMmXyz: [1, 0, 0],
      directionXyz: [-1, 0, 0, 0, -1, 0, 0, 0, 1],
    });
    expect(stackChannels([first, second], options(warnings)).geometry).toBe(first.geometry);
    expect(warnings).toHaveLength(2);
  });

  test("with NaN or infinite voxels are refused with the number of these voxels and the index of the first", () => {
    const second = image("a_0001.nii", Float64Array.from([0, 1, Number.NaN, 3, 1e300, 5]));
    expect(() => stackChannels([first, second], options())).toThrow(
      "a_0001.nii: 2 voxels are NaN or infinite, the first at index 2",
    );
  });
});

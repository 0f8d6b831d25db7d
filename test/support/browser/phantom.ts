import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Direction } from "../../../processor/imaging/volume/geometry.js";
import type { Image } from "../../../processor/imaging/volume/image.js";

const phantomSizeZyx: Zyx = [20, 40, 32];

/** The first voxel is the one that is farthest to the left, the front and the top: every axis of the file is reversed. */
const reversed: Direction = [-1, 0, 0, 0, -1, 0, 0, 0, -1];

interface Box {
  readonly label: number;
  readonly from: Zyx;
  /** Not included. */
  readonly to: Zyx;
}

/** Boxes without any symmetry, so that a picture that is mirrored or shifted differs. */
const boxes: readonly Box[] = [
  { label: 1, from: [4, 6, 3], to: [14, 30, 13] },
  { label: 2, from: [7, 10, 17], to: [18, 20, 29] },
  { label: 3, from: [5, 24, 20], to: [13, 37, 26] },
];

const imageOf = (voxels: Uint8Array | Int16Array): Image => ({
  voxels,
  components: 1,
  geometry: {
    sizeZyx: phantomSizeZyx,
    spacingMmZyx: [3, 1.5, 2],
    originMmXyz: [12, -30, 55],
    directionXyz: reversed,
    dimensions: 3,
  },
  source: { path: "", format: "nifti", nifti: null },
});

/** An image whose voxels are all brighter than the viewer's background. */
export const phantomImage = (): Image =>
  imageOf(Int16Array.from({ length: voxelCount(phantomSizeZyx) }, (_, i) => 500 + (i % 7) * 60));

export function phantomLabels(): Image {
  const [depth, height, width] = phantomSizeZyx;
  const voxels = new Uint8Array(depth * height * width);
  for (const { label, from, to } of boxes) {
    for (let z = from[0]; z < to[0]; z++)
      for (let y = from[1]; y < to[1]; y++)
        voxels.fill(label, (z * height + y) * width + from[2], (z * height + y) * width + to[2]);
  }
  return imageOf(voxels);
}

/** The volume of a label in ml: its voxels have 9 mm³. */
export const phantomMl = (label: number): number => {
  const { from, to } = boxes.find((box) => box.label === label)!;
  return (to[0] - from[0]) * (to[1] - from[1]) * (to[2] - from[2]) * 9e-3;
};

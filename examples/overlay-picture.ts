import { PNG } from "pngjs";
import type { Zyx } from "../processor/imaging/volume/axes.js";
import type { Image } from "../processor/imaging/volume/image.js";
import type { LabelMap } from "../processor/imaging/volume/label-map.js";

type Rgb = readonly [red: number, green: number, blue: number];

/** The colours of labels 1, 2, 3, …; further labels start again with the first. */
export const labelColours: readonly Rgb[] = [
  [79, 172, 254],
  [255, 159, 64],
  [255, 92, 138],
  [120, 220, 120],
  [190, 140, 255],
  [255, 230, 90],
];

interface Plane {
  readonly columns: number;
  readonly rows: number;
  readonly spacingMm: readonly [column: number, row: number];
  /** Returns the index of a pixel's voxel in the volume; the first row is on top. */
  readonly voxelAt: (column: number, row: number) => number;
}

const gapPixels = 12;
const background: Rgb = [16, 18, 22];

/**
 * Draws an axial, a coronal and a sagittal slice through the segmentation's centre of mass: the image above, and below it
 * the same with the labels.
 *
 * @param heightPixels the height of one panel; its width follows from the voxel spacing
 * @returns the bytes of a PNG file
 */
export function overlayPicture(image: Image, labelMap: LabelMap, heightPixels: number): Buffer {
  const centreZyx = centreOfMass(labelMap);
  const grey = greyScale(image);
  const panels = planesThrough(centreZyx, labelMap.geometry).map((plane) => {
    const widthPixels = Math.round(
      (heightPixels * plane.columns * plane.spacingMm[0]) / (plane.rows * plane.spacingMm[1]),
    );
    return { plane, widthPixels };
  });
  const png = new PNG({
    width: panels.reduce((sum, { widthPixels }) => sum + widthPixels + gapPixels, gapPixels),
    height: 2 * heightPixels + 3 * gapPixels,
  });
  for (let pixel = 0; pixel < png.width * png.height; pixel++) paint(png, pixel, background);
  let left = gapPixels;
  for (const { plane, widthPixels } of panels) {
    for (let y = 0; y < heightPixels; y++) {
      for (let x = 0; x < widthPixels; x++) {
        const column = Math.floor(((x + 0.5) / widthPixels) * plane.columns);
        const row = Math.floor(((y + 0.5) / heightPixels) * plane.rows);
        const voxel = plane.voxelAt(column, row);
        const level = grey(voxel);
        const label = labelMap.voxels[voxel] ?? 0;
        const pixel = (gapPixels + y) * png.width + left + x;
        paint(png, pixel, [level, level, level]);
        paint(png, pixel + (heightPixels + gapPixels) * png.width, blend(level, label));
      }
    }
    left += widthPixels + gapPixels;
  }
  return PNG.sync.write(png);
}

function centreOfMass({ voxels, geometry }: LabelMap): Zyx {
  const [, rows, columns] = geometry.sizeZyx;
  let count = 0;
  let z = 0;
  let y = 0;
  let x = 0;
  for (let i = 0; i < voxels.length; i++) {
    if (voxels[i] === 0) continue;
    count++;
    x += i % columns;
    y += Math.floor(i / columns) % rows;
    z += Math.floor(i / (columns * rows));
  }
  if (count === 0) return geometry.sizeZyx.map((size) => Math.floor(size / 2)) as unknown as Zyx;
  return [Math.round(z / count), Math.round(y / count), Math.round(x / count)];
}

/** Returns the three planes of an image in the usual LPS order, with superior or anterior on top. */
function planesThrough([z, y, x]: Zyx, geometry: LabelMap["geometry"]): readonly Plane[] {
  const [slices, rows, columns] = geometry.sizeZyx;
  const [spacingZ, spacingY, spacingX] = geometry.spacingMmZyx;
  const index = (slice: number, row: number, column: number) => (slice * rows + row) * columns + column;
  return [
    { columns, rows, spacingMm: [spacingX, spacingY], voxelAt: (c, r) => index(z, r, c) },
    {
      columns,
      rows: slices,
      spacingMm: [spacingX, spacingZ],
      voxelAt: (c, r) => index(slices - 1 - r, y, c),
    },
    {
      columns: rows,
      rows: slices,
      spacingMm: [spacingY, spacingZ],
      voxelAt: (c, r) => index(slices - 1 - r, c, x),
    },
  ];
}

/** Maps the 0.5th to 99.5th percentile of the non-zero voxels to black to white. */
function greyScale({ voxels }: Image): (voxel: number) => number {
  const sample: number[] = [];
  const stride = Math.max(1, Math.floor(voxels.length / 100_000));
  for (let i = 0; i < voxels.length; i += stride) {
    const value = Number(voxels[i]);
    if (value !== 0) sample.push(value);
  }
  sample.sort((a, b) => a - b);
  const low = sample[Math.floor(sample.length * 0.005)] ?? 0;
  const high = sample[Math.floor(sample.length * 0.995)] ?? 1;
  return (voxel) =>
    Math.max(0, Math.min(255, Math.round((255 * (Number(voxels[voxel]) - low)) / (high - low || 1))));
}

function blend(level: number, label: number): Rgb {
  if (label === 0) return [level, level, level];
  const colour = labelColours[(label - 1) % labelColours.length]!;
  return colour.map((part) => Math.round(0.55 * part + 0.45 * level)) as unknown as Rgb;
}

function paint(png: PNG, pixel: number, [red, green, blue]: Rgb): void {
  png.data.set([red, green, blue, 255], pixel * 4);
}

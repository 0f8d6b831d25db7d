import type { PNG } from "pngjs";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { labelStatistics } from "../../../viewer/src/labels/label-statistics.js";
import { labelColour, type Rgb } from "../../../viewer/src/labels/palette.js";

/** The viewer's colour where no image is. */
const background: Rgb = [14, 17, 22];

const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

/** How a voxel axis of the file lies along an axis of the patient: which one, and whether it runs the same way. */
interface FileAxis {
  readonly axis: number;
  readonly isSameWay: boolean;
}

/** Returns the file's axes that are nearest to left, back and head (LPS). */
function axesOf({ geometry: { directionXyz } }: Image): readonly [FileAxis, FileAxis, FileAxis] {
  const along = (world: number): FileAxis => {
    const row = directionXyz.slice(3 * world, 3 * world + 3);
    const axis = row.reduce((best, value, i) => (Math.abs(value) > Math.abs(row[best]!) ? i : best), 0);
    return { axis, isSameWay: row[axis]! > 0 };
  };
  return [along(0), along(1), along(2)];
}

/**
 * Returns the share of pixels of an axial slice that have the colour of their label, or are grey without one. The slice is
 * the one through the voxel to which the viewer jumps for a label. The patient's left is on the right of the picture.
 *
 * @param places the place of each label in the model's list, from which its colour follows
 */
export function shareOfRightPixels(
  picture: PNG,
  labelMap: Image,
  { label, places }: { readonly label: number; readonly places: readonly number[] },
): number {
  const [depth, height, width] = labelMap.geometry.sizeZyx;
  const sizeXyz = [width, height, depth] as const;
  const voxels = Array.from(labelMap.voxels, Number);
  const [left, back, head] = axesOf(labelMap);
  const { centreXyz } = labelStatistics({ voxels, sizeXyz, voxelVolumeMm3: 1 }).find(
    (found) => found.label === label,
  )!;
  const area = sliceArea(picture);
  const placeOn = ({ axis, isSameWay }: FileAxis, fraction: number): number => {
    const place = Math.floor(fraction * sizeXyz[axis]!);
    return isSameWay ? place : sizeXyz[axis]! - 1 - place;
  };
  let wrong = 0;
  for (let y = area.top; y < area.bottom; y++)
    for (let x = area.left; x < area.right; x++) {
      const voxel = [0, 0, 0];
      voxel[left.axis] = placeOn(left, (x + 0.5 - area.left) / (area.right - area.left));
      voxel[back.axis] = placeOn(back, (y + 0.5 - area.top) / (area.bottom - area.top));
      voxel[head.axis] = centreXyz[head.axis]!;
      const there = voxels[(voxel[2]! * height + voxel[1]!) * width + voxel[0]!]!;
      const pixel = pixelAt(picture, x, y);
      const isRight = there === 0 ? isGrey(pixel) : isNear(pixel, labelColour(places.indexOf(there)), 8);
      if (!isRight) wrong++;
    }
  return 1 - wrong / ((area.bottom - area.top) * (area.right - area.left));
}

/** Returns the number of pixels that have the colour of one of the first labels. */
export function pixelsOfLabels(picture: PNG, labels: number): number {
  const colours = range(labels).map(labelColour);
  let count = 0;
  for (const y of range(picture.height))
    for (const x of range(picture.width))
      if (colours.some((colour) => isNear(pixelAt(picture, x, y), colour, 8))) count++;
  return count;
}

/** Returns the rows and columns that the slice takes: those of which it fills a third or more. */
function sliceArea(picture: PNG) {
  const { width, height } = picture;
  const isDrawn = (x: number, y: number): boolean => !isNear(pixelAt(picture, x, y), background, 3);
  const columns = range(width).filter((x) => range(height).filter((y) => isDrawn(x, y)).length > height / 3);
  const rows = range(height).filter((y) => range(width).filter((x) => isDrawn(x, y)).length > width / 3);
  return { left: columns[0]!, right: columns.at(-1)! + 1, top: rows[0]!, bottom: rows.at(-1)! + 1 };
}

function pixelAt({ data, width }: PNG, x: number, y: number): Rgb {
  const start = 4 * (y * width + x);
  return [data[start]!, data[start + 1]!, data[start + 2]!];
}

const isNear = (a: Rgb, b: Rgb, tolerance: number): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) <= tolerance);

const isGrey = ([red, green, blue]: Rgb): boolean =>
  Math.max(red, green, blue) - Math.min(red, green, blue) < 20;

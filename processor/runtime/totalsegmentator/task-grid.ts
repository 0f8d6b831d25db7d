import {
  type Axis,
  mapZyx,
  perAxis,
  permute,
  reversed,
  type Xyz,
  type Zyx,
} from "../../imaging/volume/axes.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import { type Box, type GridView, turnedView } from "../../imaging/volume/grid-view.js";
import { type AxisTurn, turnGeometry, turnToRas } from "../../imaging/volume/reorient.js";
import { roundHalfToEven } from "../../imaging/volume/round-half-to-even.js";
import type { TaskImage } from "./task-image.js";

/** The grid on which the networks of a task see a case: a box of the image, turned to RAS and resampled. */
export interface TaskGrid {
  /** The box of the image, along the turned axes. */
  readonly view: GridView;
  /** From the image's axes to the turned ones. */
  readonly turn: AxisTurn;
  /** The resampled grid. */
  readonly geometry: Geometry;
  /** True if the spacings differ, so that values are interpolated. */
  readonly isResampled: boolean;
}

/** @param spacingMmXyz null to keep the image's own spacing */
export function taskGrid(image: TaskImage, box: Box, spacingMmXyz: Xyz | null): TaskGrid {
  const turn = turnToRas(image.geometry);
  const view = turnedView(image.geometry.sizeZyx, box, turn);
  const spacing = permute(image.spacingMmZyx, turn.orderZyx);
  const wanted = spacingMmXyz === null ? spacing : reversed(spacingMmXyz);
  const isResampled = wanted.some((size, axis) => size !== spacing[axis]);
  const zooms = perAxis((axis) => spacing[axis] / wanted[axis]);
  const boxGeometry = turnGeometry(geometryOfBox(image.geometry, box), turn);
  return {
    view,
    turn,
    isResampled,
    geometry: {
      ...boxGeometry,
      sizeZyx: isResampled
        ? mapZyx(view.sizeZyx, (size, axis) => Math.max(1, roundHalfToEven(size * zooms[axis])))
        : view.sizeZyx,
      spacingMmZyx: mapZyx(spacing, (size, axis) => (isResampled ? Math.fround(size / zooms[axis]) : size)),
    },
  };
}

/** Returns the geometry of a box of a volume. */
function geometryOfBox(whole: Geometry, { startZyx, sizeZyx }: Box): Geometry {
  const { originMmXyz, spacingMmZyx, directionXyz } = whole;
  const stepsXyz = reversed(mapZyx(spacingMmZyx, (spacing, axis) => startZyx[axis] * spacing));
  const origin = mapZyx(originMmXyz, (part, row) =>
    stepsXyz.reduce((sum, step, axis) => sum + directionXyz[row * 3 + axis]! * step, part),
  );
  return { ...whole, sizeZyx, originMmXyz: origin };
}

/** Returns the turn back. */
export function inverseTurn({ orderZyx, isFlippedZyx }: AxisTurn): AxisTurn {
  const order: Zyx = perAxis((axis) => orderZyx.indexOf(axis));
  return { orderZyx: order, isFlippedZyx: perAxis((axis) => isFlippedZyx[order[axis] as Axis]) };
}

/** Returns the box around some labels with a margin that ends at the border of the image; null if there are none. */
export function boxAround(
  { voxels, geometry: { sizeZyx }, spacingMmZyx }: TaskBoxImage,
  labels: readonly number[],
  marginMmXyz: Xyz,
): Box | null {
  const [slices, rows, columns] = sizeZyx;
  const isWanted = new Uint8Array(256);
  for (const label of labels) isWanted[label] = 1;
  const first: [number, number, number] = [slices, rows, columns];
  const last: [number, number, number] = [-1, -1, -1];
  for (let z = 0, at = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, at++) {
        if (isWanted[voxels[at]!] === 0) continue;
        if (z < first[0]) first[0] = z;
        if (y < first[1]) first[1] = y;
        if (x < first[2]) first[2] = x;
        last[0] = z;
        if (y > last[1]) last[1] = y;
        if (x > last[2]) last[2] = x;
      }
  if (last[0] < 0) return null;
  const margin = mapZyx(reversed(marginMmXyz), (mm, axis) => Math.trunc(mm / spacingMmZyx[axis]));
  const startZyx = perAxis((axis) => Math.max(0, first[axis] - margin[axis]));
  const end = perAxis((axis) => Math.min(sizeZyx[axis], last[axis] + 1 + margin[axis]));
  return { startZyx, sizeZyx: perAxis((axis) => end[axis] - startZyx[axis]) };
}

/** Labels on the grid of an image. */
interface TaskBoxImage extends Pick<TaskImage, "geometry" | "spacingMmZyx"> {
  readonly voxels: Uint8Array;
}

import { imageError } from "../errors.js";
import type { Direction } from "../volume/geometry.js";

/** For axes in one plane, rounding leaves about 1e-16; ITK refuses a determinant that it computes as 0. */
const smallestDeterminant = 1e-12;

/**
 * Returns the direction with the given columns, one for each axis of the image. A negative spacing reverses its axis, as in
 * ITK's ImageFileReader.
 *
 * @param columns two or three, each with at least as many numbers
 * @throws IMAGE_INVALID when the axes are in one plane, as ITK does
 */
export function directionOfColumns(
  path: string,
  columns: readonly (readonly number[])[],
  spacings: readonly number[],
): Direction {
  const at = (row: number, column: number): number =>
    row < columns.length && column < columns.length
      ? columns[column]![row]! * (spacings[column]! < 0 ? -1 : 1) || 0
      : row === column
        ? 1
        : 0;
  const direction: Direction = [
    at(0, 0),
    at(0, 1),
    at(0, 2),
    at(1, 0),
    at(1, 1),
    at(1, 2),
    at(2, 0),
    at(2, 1),
    at(2, 2),
  ];
  const [a, b, c, d, e, f, g, h, i] = direction;
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (Math.abs(determinant) > smallestDeterminant) return direction;
  throw imageError("IMAGE_INVALID", `${path}: its axes are in one plane (direction ${direction.join(" ")})`);
}

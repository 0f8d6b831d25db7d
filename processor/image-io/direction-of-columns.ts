import { ProcessorError } from "../errors.js";
import type { Direction } from "../volume/geometry.js";

/** Rounding leaves about 1e-16 of axes in one plane; ITK refuses what it computes as 0. */
const smallestDeterminant = 1e-12;

/**
 * Returns the direction with the given columns, one for each axis of the image; a negative spacing turns its axis
 * around, as ITK's ImageFileReader does.
 *
 * @param columns two or three, of at least as many numbers
 * @throws IMAGE_INVALID where the axes are in one plane, as ITK refuses them
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
  throw new ProcessorError(
    "IMAGE_INVALID",
    `${path}: its axes are not independent (direction ${direction.join(" ")})`,
  );
}

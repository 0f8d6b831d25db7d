import type { Xyz, Zyx } from "./axes.js";
import type { Direction, Geometry } from "./geometry.js";

/** The permutation and the flips that turn the axes of one grid into those of another, exactly and reversibly. */
export interface AxisTurn {
  /** Axis `i` (slowest first) of the turned grid is axis `orderZyx[i]` of the plain grid. */
  readonly orderZyx: Zyx;
  /** True if axis `i` of the turned grid runs in the opposite direction. */
  readonly isFlippedZyx: Zyx<boolean>;
}

/** The signs of right, anterior and superior in ITK's LPS coordinates. */
const rasSigns: Xyz = [-1, -1, 1];

/**
 * Returns the turn that brings a grid closest to RAS, as in nnU-Net's "WithReorient" readers. Oblique grids stay
 * oblique.
 *
 * @example for the identity direction (LPS), x and y are flipped and z is not
 */
export function turnToRas({ directionXyz }: Geometry): AxisTurn {
  const source = closestAxes(directionXyz);
  const order = ([0, 1, 2] as const).map((axis) => source[axis]!);
  const isFlipped = order.map(
    (from, axis) => Math.sign(directionXyz[axis * 3 + from]!) !== rasSigns[axis as 0 | 1 | 2],
  );
  return {
    orderZyx: [2 - order[2]!, 2 - order[1]!, 2 - order[0]!],
    isFlippedZyx: [isFlipped[2]!, isFlipped[1]!, isFlipped[0]!],
  };
}

/**
 * Returns the directions of the axes x, y and z of a grid, in ITK's letters.
 *
 * @example "LPS" for the identity direction
 */
export function orientationLetters({ directionXyz }: Geometry): string {
  const letters: string[] = [];
  for (const [patient, image] of closestAxes(directionXyz).entries())
    letters[image] = towards[patient as 0 | 1 | 2][directionXyz[patient * 3 + image]! > 0 ? 0 : 1];
  return letters.join("");
}

const towards = [
  ["L", "R"],
  ["P", "A"],
  ["S", "I"],
] as const;

/** Returns, for each patient axis, the image axis that is closest to it. The closest pair is chosen first. */
function closestAxes(direction: Direction): readonly number[] {
  const pairs = [0, 1, 2].flatMap((patient) =>
    [0, 1, 2].map((image) => ({ patient, image, cosine: Math.abs(direction[patient * 3 + image]!) })),
  );
  const found: number[] = [];
  for (const { patient, image } of pairs.sort((a, b) => b.cosine - a.cosine)) {
    if (found[patient] === undefined && !found.includes(image)) found[patient] = image;
  }
  return found;
}

/** Returns the geometry of the turned grid. Its voxels keep their positions in the patient. */
export function turnGeometry(geometry: Geometry, { orderZyx, isFlippedZyx }: AxisTurn): Geometry {
  const { sizeZyx, spacingMmZyx, originMmXyz, directionXyz } = geometry;
  const column = (axisZyx: number): readonly number[] =>
    [0, 1, 2].map((row) => directionXyz[row * 3 + (2 - axisZyx)]!);
  const turned = orderZyx.map((from, axis) => {
    const sign = isFlippedZyx[axis as 0 | 1 | 2] ? -1 : 1;
    return {
      size: sizeZyx[from as 0 | 1 | 2],
      spacingMm: spacingMmZyx[from as 0 | 1 | 2],
      direction: column(from).map((part) => part * sign || 0),
      // The new start of a flipped axis is its former end.
      shiftMm:
        sign < 0
          ? column(from).map(
              (part) => part * (sizeZyx[from as 0 | 1 | 2] - 1) * spacingMmZyx[from as 0 | 1 | 2],
            )
          : [0, 0, 0],
    };
  });
  const [z, y, x] = turned;
  return {
    ...geometry,
    sizeZyx: [z!.size, y!.size, x!.size],
    spacingMmZyx: [z!.spacingMm, y!.spacingMm, x!.spacingMm],
    originMmXyz: originMmXyz.map(
      (part, row) => part + turned.reduce((sum, { shiftMm }) => sum + shiftMm[row]!, 0),
    ) as unknown as Xyz,
    directionXyz: [0, 1, 2].flatMap((row) =>
      [x!, y!, z!].map(({ direction }) => direction[row]!),
    ) as unknown as Direction,
  };
}

type Voxels = Float32Array | Uint8Array | Uint16Array;

export interface TurnVoxelsTask {
  /** The voxels on the grid that is not turned. */
  readonly plain: Voxels;
  /** The voxels on the turned grid. */
  readonly turned: Voxels;
  /** The size of the plain grid. */
  readonly sizeZyx: Zyx;
  readonly turn: AxisTurn;
  /** The volume that is written; the other one is read. */
  readonly writes: "turned" | "plain";
}

/** Copies voxels from the plain grid to the turned grid, or from the turned grid to the plain one. */
export function turnVoxels({ plain, turned, sizeZyx, turn, writes }: TurnVoxelsTask): void {
  const strides = [sizeZyx[1] * sizeZyx[2], sizeZyx[2], 1] as const;
  const size = turn.orderZyx.map((axis) => sizeZyx[axis as 0 | 1 | 2]) as unknown as Zyx;
  let start = 0;
  const step = turn.orderZyx.map((axis, i) => {
    const stride = strides[axis as 0 | 1 | 2];
    if (!turn.isFlippedZyx[i as 0 | 1 | 2]) return stride;
    start += (sizeZyx[axis as 0 | 1 | 2] - 1) * stride;
    return -stride;
  }) as unknown as Zyx;
  let i = 0;
  for (let z = 0; z < size[0]; z++) {
    for (let y = 0; y < size[1]; y++) {
      let at = start + z * step[0] + y * step[1];
      for (let x = 0; x < size[2]; x++, at += step[2], i++) {
        if (writes === "turned") turned[i] = plain[at]!;
        else plain[at] = turned[i]!;
      }
    }
  }
}

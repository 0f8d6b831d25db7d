import { type Axis, mapZyx, perAxis, permute, stridesOf, type Xyz, type Zyx } from "./axes.js";
import type { Direction, Geometry } from "./geometry.js";

/** The permutation and the flips that turn the axes of one grid into those of another, exactly and reversibly. */
export interface AxisTurn {
  /** Axis `i` (slowest first) of the turned grid is axis `orderZyx[i]` of the plain grid. */
  readonly orderZyx: Zyx;
  /** True if axis `i` of the turned grid runs in the opposite direction. */
  readonly isFlippedZyx: Zyx<boolean>;
}

/** The patient axis of each letter of an orientation, and its sign in ITK's LPS coordinates. */
const letterAxes: Readonly<Record<string, readonly [patient: Axis, sign: 1 | -1]>> = {
  L: [0, 1],
  R: [0, -1],
  P: [1, 1],
  A: [1, -1],
  S: [2, 1],
  I: [2, -1],
};

/** Returns whether three letters name an orientation: one of L and R, of P and A, and of S and I, in any order. */
export const isOrientation = (letters: string): boolean =>
  /^[LRPASI]{3}$/.test(letters) && new Set([...letters].map((letter) => letterAxes[letter]![0])).size === 3;

/**
 * Returns the turn that brings a grid closest to RAS, as in nnU-Net's "WithReorient" readers. Oblique grids stay
 * oblique.
 *
 * @example for the identity direction (LPS), x and y are flipped and z is not
 */
export const turnToRas = (geometry: Geometry): AxisTurn => turnTo(geometry, "RAS");

/** Returns the turn that brings a grid closest to an orientation, whose letters name the ends of x, y and z. */
export function turnTo({ directionXyz }: Geometry, letters: string): AxisTurn {
  const closest = closestAxes(directionXyz);
  const [x, y, z] = perAxis((axis) => {
    const [patient, sign] = letterAxes[letters[axis]!]!;
    const from = closest[patient];
    return { from, isFlipped: Math.sign(directionXyz[patient * 3 + from]!) !== sign };
  });
  return {
    orderZyx: [2 - z.from, 2 - y.from, 2 - x.from],
    isFlippedZyx: [z.isFlipped, y.isFlipped, x.isFlipped],
  };
}

/**
 * Returns the directions of the axes x, y and z of a grid, in ITK's letters.
 *
 * @example "LPS" for the identity direction
 */
export function orientationLetters({ directionXyz }: Geometry): string {
  const letters: string[] = [];
  const closest = closestAxes(directionXyz);
  for (const patient of [0, 1, 2] as const) {
    const image = closest[patient];
    letters[image] = towards[patient][directionXyz[patient * 3 + image]! > 0 ? 0 : 1];
  }
  return letters.join("");
}

const towards = [
  ["L", "R"],
  ["P", "A"],
  ["S", "I"],
] as const;

/** Returns, for each patient axis, the image axis that is closest to it. The closest pair is chosen first. */
function closestAxes(direction: Direction): Xyz<Axis> {
  const pairs = perAxis((patient) =>
    perAxis((image) => ({ patient, image, cosine: Math.abs(direction[patient * 3 + image]!) })),
  ).flat();
  const found: Partial<Record<Axis, Axis>> = {};
  for (const { patient, image } of pairs.sort((a, b) => b.cosine - a.cosine)) {
    if (found[patient] === undefined && !Object.values(found).includes(image)) found[patient] = image;
  }
  return perAxis((patient) => found[patient]!);
}

/** Returns the geometry of the turned grid. Its voxels keep their positions in the patient. */
export function turnGeometry(geometry: Geometry, { orderZyx, isFlippedZyx }: AxisTurn): Geometry {
  const { sizeZyx, spacingMmZyx, originMmXyz, directionXyz } = geometry;
  const turned = mapZyx(orderZyx, (number, axis) => {
    const from = number as Axis;
    const sign = isFlippedZyx[axis] ? -1 : 1;
    const column = perAxis((row) => directionXyz[row * 3 + (2 - from)]!);
    return {
      size: sizeZyx[from],
      spacingMm: spacingMmZyx[from],
      direction: mapZyx(column, (part) => part * sign || 0),
      // The new start of a flipped axis is its former end.
      shiftMm: mapZyx(column, (part) => (sign < 0 ? part * (sizeZyx[from] - 1) * spacingMmZyx[from] : 0)),
    };
  });
  const [z, y, x] = turned;
  const row = (axis: Axis): Xyz => [x.direction[axis], y.direction[axis], z.direction[axis]];
  return {
    ...geometry,
    sizeZyx: mapZyx(turned, ({ size }) => size),
    spacingMmZyx: mapZyx(turned, ({ spacingMm }) => spacingMm),
    originMmXyz: mapZyx(
      originMmXyz,
      (part, axis) => part + turned.reduce((sum, { shiftMm }) => sum + shiftMm[axis], 0),
    ),
    directionXyz: [...row(0), ...row(1), ...row(2)],
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
  const size = permute(sizeZyx, turn.orderZyx);
  let start = 0;
  const step = mapZyx(permute(stridesOf(sizeZyx), turn.orderZyx), (stride, axis) => {
    if (!turn.isFlippedZyx[axis]) return stride;
    start += (size[axis] - 1) * stride;
    return -stride;
  });
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

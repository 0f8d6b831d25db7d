import type { Zyx } from "../../contract/axes.js";

export type { Xyz, Zyx } from "../../contract/axes.js";

export const reversed = <T>([a, b, c]: readonly [T, T, T]): [T, T, T] => [c, b, a];

/** An index into the values of three axes. */
export type Axis = 0 | 1 | 2;

/** Returns a value for each axis. */
export const perAxis = <T>(make: (axis: Axis) => T): [T, T, T] => [make(0), make(1), make(2)];

/** Changes the value of each axis. */
export const mapZyx = <T, U>(values: Zyx<T>, change: (value: T, axis: Axis) => U): [U, U, U] =>
  perAxis((axis) => change(values[axis], axis));

/** Returns the values of two or three axes; `first` is the value of the slices' axis if there are only two. */
export function withFirstAxis(values: readonly number[], first: number): Zyx {
  const [a = first, b = first, c] = values;
  return c === undefined ? [first, a, b] : [a, b, c];
}

/** Returns the distances in memory between neighbours along z, y and x. */
export const stridesOf = (sizeZyx: Zyx): Zyx => [sizeZyx[1] * sizeZyx[2], sizeZyx[2], 1];

export const voxelCount = (sizeZyx: Zyx): number => sizeZyx[0] * sizeZyx[1] * sizeZyx[2];

/** Reorders three values: entry i of the result is entry `order[i]`. `permute([a, b, c], [2, 0, 1])` is `[c, a, b]`. */
export const permute = <T>(values: Zyx<T>, order: Zyx): [T, T, T] => [
  values[order[0] as Axis],
  values[order[1] as Axis],
  values[order[2] as Axis],
];

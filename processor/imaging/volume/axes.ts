import type { Zyx } from "../../contract/axes.js";

export type { Xyz, Zyx } from "../../contract/axes.js";

export const reversed = <T>([a, b, c]: readonly [T, T, T]): [T, T, T] => [c, b, a];

export const voxelCount = (sizeZyx: Zyx): number => sizeZyx[0] * sizeZyx[1] * sizeZyx[2];

/** Reorders three values: entry i of the result is entry `order[i]`. `permute([a, b, c], [2, 0, 1])` is `[c, a, b]`. */
export const permute = <T>(values: Zyx<T>, order: Zyx): [T, T, T] => [
  values[order[0] as 0 | 1 | 2],
  values[order[1] as 0 | 1 | 2],
  values[order[2] as 0 | 1 | 2],
];

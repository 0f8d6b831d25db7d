import { crc32 } from "node:zlib";
import type { NetworkWeights, WeightTensor } from "../../../src/checkpoint/network/checkpoint.js";

/** Returns the values that `test/peer/primus_fixtures.py` gives a tensor of this name. */
export function seededValues(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const count = shape.reduce((a, b) => a * b, 1);
  const seed = crc32(name);
  const value = ruleOf(name, shape);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let h = (Math.imul(i, 2654435761) + seed) >>> 0;
    h = (h ^ (h >>> 15)) >>> 0;
    h = Math.imul(h, 2246822519) >>> 0;
    h = (h ^ (h >>> 13)) >>> 0;
    values[i] = value(h / 2 ** 32 - 0.5);
  }
  return values;
}

function ruleOf(name: string, shape: readonly number[]): (u: number) => number {
  if (name === "input") return (u) => 4 * u;
  if (shape.length === 1 && name.endsWith("weight")) return (u) => 1 + 0.4 * u;
  if (name.includes("gamma")) return (u) => 0.1 + 0.1 * u;
  if (shape.length === 1 || name === "eva.pos_embed") return (u) => 0.4 * u;
  const fan = name.startsWith("up_projection") ? shape[0]! : shape.slice(1).reduce((a, b) => a * b, 1);
  const factor = Math.sqrt(3 / fan);
  return (u) => 2 * u * factor;
}

export const seededWeights = (shapes: Readonly<Record<string, readonly number[]>>): NetworkWeights =>
  new Map(
    Object.entries(shapes).map(([name, shape]): [string, WeightTensor] => [
      name,
      {
        shape,
        async *chunks() {
          yield seededValues(name, shape);
        },
      },
    ]),
  );

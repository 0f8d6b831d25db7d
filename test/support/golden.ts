import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** The clone's root; tests run from `dist/test`. */
export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** Returns a path below `test/golden` (its README says what is there). A missing file fails the test instead of skipping it. */
export function goldenPath(...parts: readonly string[]): string {
  const path = join(repositoryRoot, "test", "golden", ...parts);
  if (!existsSync(path)) throw new Error(`golden data missing: ${path}`);
  return path;
}

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Reads a little-endian float32 or float16 `.npy.gz` as float32. */
export function readNpyGz(path: string): NpyArray {
  const bytes = gunzipSync(readFileSync(path));
  const headerLength = bytes[6] === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const start = (bytes[6] === 1 ? 10 : 12) + headerLength;
  const header = bytes.toString("latin1", 10, start);
  const shape = [...(/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").matchAll(/\d+/g)].map((m) =>
    Number(m[0]),
  );
  if (/'fortran_order': True/.test(header)) throw new Error(`${path}: Fortran order`);
  const type = /'descr': '([^']+)'/.exec(header)?.[1];
  const count = shape.reduce((a, b) => a * b, 1);
  const body = new Uint8Array(bytes.subarray(start)).buffer;
  if (type === "<f4") return { shape, data: new Float32Array(body, 0, count) };
  if (type === "<f2") return { shape, data: Float32Array.from(new Uint16Array(body, 0, count), halfToFloat) };
  throw new Error(`${path}: dtype ${type}`);
}

/** Returns the value of a float16, given its bits. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export interface Difference {
  readonly max: number;
  readonly mean: number;
}

export function difference(a: Float32Array, b: Float32Array): Difference {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let max = 0;
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const delta = Math.abs(a[i]! - b[i]!);
    if (!(delta <= max)) max = delta;
    sum += delta;
  }
  return { max, mean: sum / a.length };
}

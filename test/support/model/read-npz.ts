import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { halfFloatTable } from "../../../processor/imaging/volume/float16.js";
import type { NpyArray } from "../golden.js";

/** Reads one float32 or float16 array of a `.npz`; finds it in the central directory, as numpy does. */
export function readNpz(path: string, key: string): NpyArray {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"));
  const locator = end - 20;
  const directory64 = Number(bytes.readBigUInt64LE(locator + 8));
  const directory = Number(bytes.readBigUInt64LE(directory64 + 48));
  const nameLength = bytes.readUInt16LE(directory + 28);
  const name = bytes.toString("latin1", directory + 46, directory + 46 + nameLength);
  if (name !== `${key}.npy`) throw new Error(`${path} holds ${name}`);
  const extra = directory + 46 + nameLength;
  const compressed = Number(bytes.readBigUInt64LE(extra + 12));
  const local = Number(bytes.readBigUInt64LE(extra + 20));
  const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  return parseNpy(inflateRawSync(bytes.subarray(start, start + compressed)));
}

function parseNpy(npy: Buffer): NpyArray {
  const start = 10 + npy.readUInt16LE(8);
  const header = npy.toString("latin1", 10, start);
  const shape = [...(/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").matchAll(/\d+/g)].map(([text]) =>
    Number(text),
  );
  const body = Uint8Array.from(npy.subarray(start));
  if (header.includes("'<f4'")) return { shape, data: new Float32Array(body.buffer) };
  if (!header.includes("'<f2'")) throw new Error(`neither float32 nor float16: ${header}`);
  const values = halfFloatTable();
  return { shape, data: Float32Array.from(new Uint16Array(body.buffer), (bits) => values[bits]!) };
}

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { repositoryRoot } from "../support/golden.js";

/**
 * Copies nnU-Net's own outputs from SOURCE into `test/golden`, smaller than the original:
 *
 * - `logits.npy.gz` (nnU-Net's float16 sums) is left out if there is a `logits_fp32.npy.gz`;
 * - float32 logits are rounded to multiples of 1/1024 (a mean error of 0.00024, the tests allow 0.0005), float32
 *   probabilities to multiples of 1/16384 (at most 0.00003, the tests allow 0.0002);
 * - preprocessed images keep all their bits: the tests allow 0.000002 there.
 *
 * Usage: `node dist/test/golden/import-golden.js SOURCE`, SOURCE being a folder with `v1` and `v2`.
 */
const rounding: Readonly<Record<string, (value: number) => number>> = {
  "logits_fp32.npy.gz": (logit) => Math.round(logit * 1024) / 1024,
  "probs.npy.gz": (probability) => Math.round(probability * 16384) / 16384,
};

const [source] = process.argv.slice(2);
if (source === undefined) throw new Error("which folder holds v1 and v2?");
const goldenFolder = join(repositoryRoot, "test", "golden");
for (const version of ["v1", "v2"]) {
  rmSync(join(goldenFolder, version), { recursive: true, force: true });
  importFolder(resolve(source, version), join(goldenFolder, version));
}

function importFolder(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const original = join(entry.parentPath, entry.name);
    if (entry.name === "logits.npy.gz" && existsSync(join(entry.parentPath, "logits_fp32.npy.gz"))) continue;
    const copy = join(to, original.slice(from.length));
    mkdirSync(dirname(copy), { recursive: true });
    const round = rounding[entry.name];
    if (round === undefined) cpSync(original, copy);
    else writeFileSync(copy, roundFloats(readFileSync(original), round));
  }
}

/** Rounds each value of a little-endian float32 `.npy.gz`; other types stay as they are. */
function roundFloats(compressed: Buffer, round: (value: number) => number): Buffer {
  const bytes = gunzipSync(compressed);
  const start = bytes[6] === 1 ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8);
  if (!bytes.toString("latin1", 0, start).includes("'<f4'")) return compressed;
  for (let at = start; at < bytes.length; at += 4) bytes.writeFloatLE(round(bytes.readFloatLE(at)), at);
  return gzipSync(bytes, { level: 9 });
}

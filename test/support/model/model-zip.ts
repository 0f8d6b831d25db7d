import { createHash } from "node:crypto";
import { buildZip } from "../archive/zip-builder.js";

/** A zip with a results tree whose stored weights have so many bytes; the seed tells one from another. */
export function modelZip(weightBytes: number, seed = 1): Buffer {
  const below = "nnUNetTrainer__nnUNetPlans__3d_fullres";
  return buildZip([
    { name: `Dataset001_Test/${below}/plans.json`, data: `{"seed": ${seed}}`, deflate: true },
    { name: `Dataset001_Test/${below}/fold_0/checkpoint_final.pth`, data: noise(weightBytes, seed) },
    { name: `Dataset001_Test/${below}/fold_1/checkpoint_final.pth`, data: noise(5000, seed), deflate: true },
  ]);
}

export const hex = (algorithm: string, bytes: Buffer): string =>
  createHash(algorithm).update(bytes).digest("hex");

/** Bytes that look like weights: the same for the same seed. */
export function noise(bytes: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, bytes);
}

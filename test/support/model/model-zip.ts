import { createHash } from "node:crypto";
import { buildZip } from "../archive/zip-builder.js";

/** Returns a zip of nnU-Net's results folder whose weights have this many bytes; another seed gives other bytes. */
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

/** Returns random bytes, which are the same for the same seed. */
export function noise(bytes: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, bytes);
}

import { stat } from "node:fs/promises";
import { flag, type JsonCheck, record, sha256Hex } from "../../processor/contract/json-check.js";
import type { FileRange } from "../../processor/files/zip/byte-range.js";
import type { NetworkPlan } from "../checkpoint/network/network-plan.js";
import type { NetworkDigests } from "../onnx/write-network.js";

/** A store for small records that outlasts a build. */
export interface ConversionMemo {
  /** Returns null if there is no record that fits. */
  recall<T>(key: string, check: JsonCheck<T>): Promise<T | null>;
  remember(key: string, record: unknown): Promise<void>;
}

/** Must be raised when the same checkpoint is converted to different bytes. */
export const conversionFormat = "conversion 10";

/** A file that changed more recently may change again within the resolution of its timestamps, unnoticed. */
const settledMs = 2000;

export interface CheckpointPlace {
  readonly file: string;
  readonly range: FileRange | null;
  readonly plan: NetworkPlan;
}

/**
 * Returns a key for the bytes of a converted fold, which depend on the network's plan and the checkpoint.
 * Files with the same device, inode, size and times count as the same file. Returns null for a file that was
 * written very recently.
 */
export async function conversionKey({ file, range, plan }: CheckpointPlace): Promise<string | null> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  if (Math.abs(Date.now() - Number(ctimeNs / 1_000_000n)) < settledMs) return null;
  const identity = [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  const place = range === null ? "" : `${range.offset} ${range.size}`;
  return [conversionFormat, file, identity, place, JSON.stringify(plan)].join("\n");
}

export const recallFold = (memo: ConversionMemo, key: string): Promise<NetworkDigests | null> =>
  memo.recall(key, networkDigests);

const networkDigests: JsonCheck<NetworkDigests> = record({
  onnx: sha256Hex,
  weights: sha256Hex,
  isWithinFloat16: flag,
});

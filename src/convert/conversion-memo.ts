import { stat } from "node:fs/promises";
import type { NetworkPlan } from "../checkpoint/network/network-plan.js";
import type { FileRange } from "../ground/archive/byte-range.js";
import type { NetworkDigests } from "../onnx/write-network.js";

/** A store for small records that outlasts a build. */
export interface ConversionMemo {
  /** Returns null if there is no record. */
  recall(key: string): Promise<unknown>;
  remember(key: string, record: unknown): Promise<void>;
}

/** Must be raised when the same checkpoint is converted to different bytes. */
const conversionFormat = "conversion 6";

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

export async function recallFold(memo: ConversionMemo, key: string): Promise<NetworkDigests | null> {
  const record = (await memo.recall(key)) as Partial<Record<keyof NetworkDigests, unknown>> | null;
  const isDigest = (value: unknown): value is string =>
    typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
  if (record === null) return null;
  const { onnx, weights, isWithinFloat16 } = record;
  if (!isDigest(onnx) || !isDigest(weights) || typeof isWithinFloat16 !== "boolean") return null;
  return { onnx, weights, isWithinFloat16 };
}

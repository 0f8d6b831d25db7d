import { stat } from "node:fs/promises";
import type { FileRange } from "../archive/byte-range.js";
import type { NetworkPlan } from "../network/network-plan.js";
import type { NetworkDigests } from "../onnx/write-network.js";

/** Small records that outlast a build. */
export interface ConversionMemo {
  /** Null for nothing. */
  recall(key: string): Promise<unknown>;
  remember(key: string, record: unknown): Promise<void>;
}

/** Rises when the same checkpoint is written as other bytes. */
const conversionFormat = "conversion 6";

/** A file that changed this recently may change again within the clock's grain, unseen. */
const settledMs = 2000;

export interface CheckpointPlace {
  readonly file: string;
  readonly range: FileRange | null;
  readonly plan: NetworkPlan;
}

/**
 * What the bytes of a converted fold depend on: the network's plan, and which file the checkpoint is. A file whose
 * device, inode, size and times are the same is the same. Null for one that was written just now.
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

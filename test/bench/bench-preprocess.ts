import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";
import { ctSizeZyx, ctSpacingMmZyx, npyBytes, syntheticCt, targetSpacingMm } from "./synthetic-volumes.js";

/** Measures normalising and resampling of a CT of 300×512×512 voxels to 1.5 mm, and compares the values. */
export async function benchPreprocess(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-preprocess-"));
  try {
    const ourFile = join(scratch, "ours.f32");
    const ours = await measureProcess([
      process.execPath,
      join(repositoryRoot, "dist", "test", "bench", "kernel-preprocess.js"),
      ourFile,
    ]);
    writeFileSync(join(scratch, "ct.npy"), npyBytes(syntheticCt(ctSizeZyx), ctSizeZyx));
    writePlans(join(scratch, "plans.json"));
    const peerFile = join(scratch, "peer.npy");
    const peer = await measureProcess([
      ...([
        join(nnunetBin(), "python"),
        join(repositoryRoot, "test", "bench", "peer", "nnunet_preprocess.py"),
      ] as const),
      ...[
        join(scratch, "ct.npy"),
        join(scratch, "plans.json"),
        goldenPath("v2", "blobs_3d_fullres", "model", "dataset.json"),
      ],
      ...["3d_fullres", ...ctSpacingMmZyx.map(String), peerFile],
    ]);
    const ourSeconds = secondsOf(ours.stdout);
    const peerSeconds = secondsOf(peer.stdout);
    const largest = largestDifference(ourFile, peerFile);
    return [
      {
        what: "CT 300×512×512 to 1.5 mm: time",
        ours: seconds(ourSeconds),
        peer: seconds(peerSeconds),
        goal: `${(ourSeconds / peerSeconds).toFixed(2)}× (goal ≤ 3 s)`,
        isReached: ourSeconds <= 3,
      },
      {
        what: "CT 300×512×512 to 1.5 mm: peak memory",
        ours: megabytes(ours.peakMegabytes),
        peer: megabytes(peer.peakMegabytes),
        goal: "≤ 1200 MB",
        isReached: ours.peakMegabytes <= 1200,
      },
      {
        what: "CT 300×512×512 to 1.5 mm: largest difference",
        ours: largest.toExponential(1),
        goal: "≤ 2e-4",
        isReached: largest <= 2e-4,
      },
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export const secondsOf = (stdout: string): number =>
  (JSON.parse(stdout.trim().split("\n").at(-1)!) as { readonly seconds: number }).seconds;

/** Returns the golden CT model's plans with the benchmark's spacing and intensities. */
export function writePlans(path: string): void {
  const plans = JSON.parse(
    readFileSync(goldenPath("v2", "blobs_3d_fullres", "model", "plans.json"), "utf8"),
  ) as {
    configurations: Record<string, { spacing: readonly number[] }>;
    foreground_intensity_properties_per_channel: Record<string, Record<string, number>>;
  };
  plans.configurations["3d_fullres"]!.spacing = [targetSpacingMm, targetSpacingMm, targetSpacingMm];
  Object.assign(plans.foreground_intensity_properties_per_channel["0"]!, {
    ...{ mean: 100, std: 150, percentile_00_5: -900, percentile_99_5: 400 },
  });
  writeFileSync(path, JSON.stringify(plans));
}

function largestDifference(ourFile: string, peerFile: string): number {
  const ourBytes = readFileSync(ourFile);
  const peerBytes = readFileSync(peerFile);
  const ours = new Float32Array(ourBytes.buffer, ourBytes.byteOffset, ourBytes.length / 4);
  const start = 10 + peerBytes.readUInt16LE(8);
  const peer = new Float32Array(Uint8Array.from(peerBytes.subarray(start)).buffer);
  if (ours.length !== peer.length) throw new Error(`${ours.length} values, the peer has ${peer.length}`);
  let largest = 0;
  for (let i = 0; i < ours.length; i++) largest = Math.max(largest, Math.abs(ours[i]! - peer[i]!));
  return largest;
}

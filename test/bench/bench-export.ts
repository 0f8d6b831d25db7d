import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../support/golden.js";
import { secondsOf, writePlans } from "./bench-preprocess.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";
import { ctSizeZyx, ctSpacingMmZyx, exportHeads, networkSizeZyx } from "./synthetic-volumes.js";

/** Measures the step from logits to labels: 25 classes, 200×239×239 to 300×512×512. The peer gets the same float32 logits. */
export async function benchExport(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-export-"));
  try {
    const kernel = join(repositoryRoot, "dist", "test", "bench", "kernel-export.js");
    const ours = await measureProcess([process.execPath, kernel, join(scratch, "ours.u8")]);
    await measureProcess([process.execPath, kernel, join(scratch, "again.u8"), join(scratch, "logits.f32")]);
    writePlans(join(scratch, "plans.json"));
    const peer = await measureProcess([
      ...([
        join(nnunetBin(), "python"),
        join(repositoryRoot, "test", "bench", "peer", "nnunet_export.py"),
      ] as const),
      ...[
        join(scratch, "logits.f32"),
        `${exportHeads}`,
        ...networkSizeZyx.map(String),
        ...ctSizeZyx.map(String),
      ],
      ...[
        join(scratch, "plans.json"),
        "3d_fullres",
        ...ctSpacingMmZyx.map(String),
        join(scratch, "peer.npy"),
      ],
    ]);
    const ourSeconds = secondsOf(ours.stdout);
    const peerSeconds = secondsOf(peer.stdout);
    const differing = differingVoxels(join(scratch, "ours.u8"), join(scratch, "peer.npy"));
    return [
      {
        what: "25 classes to 300×512×512: time",
        ours: seconds(ourSeconds),
        peer: seconds(peerSeconds),
        goal: `${(ourSeconds / peerSeconds).toFixed(3)}× (goal ≤ 6 s)`,
        isReached: ourSeconds <= 6,
      },
      {
        what: "25 classes to 300×512×512: peak memory",
        ours: megabytes(ours.peakMegabytes),
        peer: megabytes(peer.peakMegabytes),
        goal: "≤ 1200 MB",
        isReached: ours.peakMegabytes <= 1200,
      },
      {
        what: "25 classes to 300×512×512: voxels that differ",
        ours: `${differing} of ${ctSizeZyx[0] * ctSizeZyx[1] * ctSizeZyx[2]}`,
        // The peer rounds interpolated logits to float32 before it compares them.
        goal: "≤ 1 in a million",
        isReached: differing <= 78,
      },
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function differingVoxels(ourFile: string, peerFile: string): number {
  const ours = readFileSync(ourFile);
  const peerBytes = readFileSync(peerFile);
  const peer = peerBytes.subarray(10 + peerBytes.readUInt16LE(8));
  if (ours.length !== peer.length) throw new Error(`${ours.length} voxels, the peer has ${peer.length}`);
  let count = 0;
  for (let i = 0; i < ours.length; i++) if (ours[i] !== peer[i]) count++;
  return count;
}

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../support/golden.js";
import { secondsOf } from "./bench-preprocess.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";
import { componentLabels, componentSizeZyx } from "./synthetic-labels.js";

/** Measures nnU-Net v2's post-processing on 512×512×800 voxels: removing all but the largest component (26 neighbours). */
export async function benchComponents(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-components-"));
  const [before, ourFile, peerFile] = ["before", "ours", "peer"].map((name) => join(scratch, `${name}.u8`));
  try {
    const kernel = join(repositoryRoot, "dist", "test", "bench", "kernel-components.js");
    const ours = await measureProcess([process.execPath, kernel, before!, ourFile!]);
    const peer = await measureProcess([
      ...([
        join(nnunetBin(), "python"),
        join(repositoryRoot, "test", "bench", "peer", "nnunet_components.py"),
      ] as const),
      ...[before!, ...componentSizeZyx.map(String), peerFile!, ...componentLabels.map(String)],
    ]);
    const ourSeconds = secondsOf(ours.stdout);
    const peerSeconds = secondsOf(peer.stdout);
    return [
      {
        what: "largest component of 512×512×800: time",
        ours: seconds(ourSeconds),
        peer: seconds(peerSeconds),
        goal: `${(ourSeconds / peerSeconds).toFixed(3)}× (goal ≤ 3 s)`,
        isReached: ourSeconds <= 3,
      },
      {
        what: "largest component of 512×512×800: peak memory",
        ours: megabytes(ours.peakMegabytes),
        peer: megabytes(peer.peakMegabytes),
        goal: "≤ 1200 MB",
        isReached: ours.peakMegabytes <= 1200,
      },
      {
        what: "largest component of 512×512×800: same voxels",
        ours: readFileSync(ourFile!).equals(readFileSync(peerFile!)) ? "yes" : "no",
        goal: "yes",
        isReached: readFileSync(ourFile!).equals(readFileSync(peerFile!)),
      },
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

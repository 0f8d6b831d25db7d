import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { secondsOf } from "./bench-preprocess.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess, type ProcessMeasurement } from "./measure-process.js";

/** Measures the DICOM results of a CT of 600 slices of 512 × 512 with 25 organs, beside highdicom. */
export async function benchDicomObjects(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-dicom-objects-"));
  const kernel = join(repositoryRoot, "dist", "test", "bench", "kernel-dicom-objects.js");
  try {
    const peerFile = join(scratch, "peer.dcm");
    const peer = await measurePeer(peerFile);
    const rows: BenchRow[] = [];
    for (const kind of ["binary", "label-map", "structure-set"]) {
      const file = join(scratch, `${kind}.dcm`);
      const ours = await measureProcess([process.execPath, kernel, kind, file]);
      const size = megabytes(statSync(file).size / 1e6);
      const time = secondsOf(ours.stdout);
      const isCompared = kind === "binary" && peer !== null;
      rows.push({
        what: `DICOM ${kind} of 25 organs in 512×512×600`,
        ours: `${seconds(time)}, ${size}, peak ${megabytes(ours.peakMegabytes)}`,
        ...(isCompared && {
          peer: `${seconds(secondsOf(peer.stdout))}, ${megabytes(statSync(peerFile).size / 1e6)}, peak ${megabytes(peer.peakMegabytes)}`,
        }),
        goal: "≤ 2 s",
        isReached: time <= 2,
      });
    }
    return rows;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Returns null without highdicom, which `DICOM_VENV` or `.ci/run` names. */
async function measurePeer(file: string): Promise<ProcessMeasurement | null> {
  const python = join(process.env["DICOM_VENV"] ?? join(repositoryRoot, ".peers", "dicom"), "bin", "python");
  if (!existsSync(python)) return null;
  const script = join(repositoryRoot, "test", "bench", "peer", "highdicom_segmentation.py");
  return measureProcess([python, script, goldenPath("dicom", "sources", "ct_square"), file]);
}

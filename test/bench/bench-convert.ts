import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";

/** Measures the conversion of five folds of 31 million parameters to ONNX, from the start of the process to its end. */
export async function benchConvert(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-convert-"));
  try {
    const script = join(repositoryRoot, "test", "bench", "peer", "full_size_model.py");
    const model = join(scratch, "model");
    await measureProcess([
      join(nnunetBin(), "python"),
      script,
      goldenPath("v2", "blobs_3d_fullres", "model"),
      model,
      "5",
    ]);
    const { wallSeconds, peakMegabytes } = await measureProcess([
      ...([process.execPath, join(repositoryRoot, "dist", "build_processor.js"), "convert"] as const),
      ...["--model-dir", model, "-o", join(scratch, "converted")],
    ]);
    return [
      {
        what: "convert 5 folds × 31 million parameters: time",
        ours: seconds(wallSeconds),
        goal: "< 20 s",
        isReached: wallSeconds < 20,
      },
      {
        what: "convert 5 folds × 31 million parameters: memory",
        ours: megabytes(peakMegabytes),
        goal: "< 700 MB",
        isReached: peakMegabytes < 700,
      },
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";

interface Report {
  readonly sizeBytes: number;
  readonly archive: { readonly bytes: number };
}

/** Measures the size of a CPU image with a model of 0.3 MB, unpacked and as exported. Needs a Docker engine. */
export async function benchImage(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-image-"));
  try {
    const { stdout, wallSeconds } = await measureProcess(
      [
        ...([process.execPath, join(repositoryRoot, "dist", "build_processor.js")] as const),
        ...[
          "--model-dir",
          goldenPath("v2", "blobs_3d_fullres", "model"),
          "--tag",
          "nnunet-processor/bench:1",
          "--export",
          "--json",
        ],
      ],
      { cwd: scratch },
    );
    const { sizeBytes, archive } = JSON.parse(stdout) as Report;
    return [
      {
        what: "CPU image: as exported (.tar.gz)",
        ours: megabytes(archive.bytes / 1e6),
        goal: "≤ 100 MB",
        isReached: archive.bytes <= 100e6,
      },
      {
        what: "CPU image: unpacked",
        ours: megabytes(sizeBytes / 1e6),
        goal: "≤ 330 MB",
        isReached: sizeBytes <= 330e6,
      },
      {
        what: "CPU image: build and export, base image present",
        ours: seconds(wallSeconds),
        goal: "",
        isReached: true,
      },
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

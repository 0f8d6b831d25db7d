import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";

const cases = ["blobs_3d_fullres", "brain_tissue_3d", "mr_regions_resenc_3d", "blobs_2d"] as const;

/** Measures whole runs of small models, both programs with nnU-Net's default settings (all folds, mirroring). */
export async function benchGolden(): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const name of cases) rows.push(...(await compareWholeRun(name)));
  return rows;
}

async function compareWholeRun(name: (typeof cases)[number]): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-golden-"));
  try {
    const model = goldenPath("v2", name, "model");
    const input = goldenPath("v2", name, "input");
    const folds = name === "blobs_3d_fullres" ? ["0", "1"] : ["0"];
    const ours = await measureProcess([
      ...([process.execPath, join(repositoryRoot, "dist", "build_processor.js"), "predict"] as const),
      ...["--model-dir", model, "-i", input, "-o", join(scratch, "ours")],
    ]);
    const peer = await measureProcess([
      join(nnunetBin(), "nnUNetv2_predict_from_modelfolder"),
      ...["-i", input, "-o", join(scratch, "peer"), "-m", model, "-f", ...folds, "-device", "cpu"],
    ]);
    return compare(name, ours, peer);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Measured = { readonly wallSeconds: number; readonly peakMegabytes: number };

function compare(name: string, ours: Measured, peer: Measured): readonly BenchRow[] {
  const time = ours.wallSeconds / peer.wallSeconds;
  const memory = ours.peakMegabytes / peer.peakMegabytes;
  return [
    {
      what: `${name}: whole run, wall time`,
      ours: seconds(ours.wallSeconds),
      peer: seconds(peer.wallSeconds),
      goal: `${time.toFixed(3)}× (goal ≤ 0.15×)`,
      isReached: time <= 0.15,
    },
    {
      what: `${name}: whole run, peak memory`,
      ours: megabytes(ours.peakMegabytes),
      peer: megabytes(peer.peakMegabytes),
      goal: `${memory.toFixed(2)}× (goal ≤ 0.4×)`,
      isReached: memory <= 0.4,
    },
  ];
}

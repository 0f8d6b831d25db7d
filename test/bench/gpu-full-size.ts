import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { type GpuBench, type GpuRun, runOurs, runPeer } from "./gpu-run.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";
import { syntheticCt } from "./synthetic-volumes.js";

/** nnU-Net's default network for a large CT (31 million parameters, patch 128³) on a CT of 300×512×512, with mirroring. */
export async function benchGpuFullSize(bench: GpuBench): Promise<readonly BenchRow[]> {
  const model = join(bench.scratch, "full-size-model");
  const inputDir = join(bench.scratch, "full-size-input");
  await measureProcess([
    join(nnunetBin(), "python"),
    ...[join(repositoryRoot, "test", "bench", "peer", "full_size_model.py")],
    ...[goldenPath("v2", "blobs_3d_fullres", "model"), model],
  ]);
  mkdirSync(inputDir);
  await writeCt(join(inputDir, "full_0000.nii.gz"));
  const run = { model, folds: ["0"], inputDir, ending: "nii.gz" };
  // A rehearsal of this part ends here: 196 windows × 8 mirrorings take the CPU hours.
  if (bench.isRehearsal) return [];
  const ours = await runOurs({ ...run, outputDir: join(bench.scratch, "full-size") }, bench);
  const peer = await runPeer({ ...run, outputDir: join(bench.scratch, "full-size-peer") }, bench);
  return compare(ours, peer);
}

async function writeCt(path: string): Promise<void> {
  const sizeZyx = [300, 512, 512] as const;
  await writeImage(
    {
      voxels: Int16Array.from(syntheticCt(sizeZyx)),
      components: 1,
      geometry: {
        sizeZyx,
        // The model's own spacing: nothing is resampled, so all windows of this size are run.
        spacingMmZyx: [1.125, 0.8017787039279938, 0.8017787039279938],
        originMmXyz: [0, 0, 0],
        directionXyz: identityDirection,
        dimensions: 3,
      },
      source: { path: "", format: "nifti", nifti: null },
    },
    path,
  );
}

function compare(ours: GpuRun, peer: GpuRun): readonly BenchRow[] {
  const time = ours.wallSeconds / peer.wallSeconds;
  const memory = ours.peakMegabytes / peer.peakMegabytes;
  const what = "CT 300×512×512, full-size network";
  return [
    {
      what: `${what}: wall time`,
      ours: `${seconds(ours.wallSeconds)} on ${ours.executionProvider ?? "unknown"}`,
      peer: seconds(peer.wallSeconds),
      goal: `${time.toFixed(2)}× (goal ≤ 0.67×)`,
      isReached: time <= 0.67,
    },
    {
      what: `${what}: peak device memory`,
      ours: megabytes(ours.peakMegabytes),
      peer: megabytes(peer.peakMegabytes),
      goal: `${memory.toFixed(2)}× (goal ≤ 1.0×)`,
      isReached: memory <= 1,
    },
    {
      what: `${what}: GPU busy`,
      ours: `${(100 * ours.busyShare).toFixed(0)} %`,
      peer: `${(100 * peer.busyShare).toFixed(0)} %`,
      goal: "≥ 80 %",
      isReached: ours.busyShare >= 0.8,
    },
  ];
}

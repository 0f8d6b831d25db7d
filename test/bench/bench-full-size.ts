import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import { repositoryRoot } from "../support/golden.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { writeFullSizeModel } from "./full-size-model.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";
import { syntheticCt } from "./synthetic-volumes.js";

const sizeZyx = [160, 160, 160] as const;

/** Measures nnU-Net's default network for a large CT (31 million parameters, patch 128³) on 8 windows, without mirroring. */
export async function benchFullSize(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-full-size-"));
  try {
    const model = join(scratch, "model");
    const input = join(scratch, "input");
    await writeFullSizeModel(model);
    mkdirSync(input);
    await writeFullSizeCase(input);
    const ours = await measureProcess([
      ...([process.execPath, join(repositoryRoot, "dist", "build_processor.js"), "predict"] as const),
      ...["--model-dir", model, "-i", input, "-o", join(scratch, "ours"), "--disable-tta"],
    ]);
    const peer = await measureProcess([
      join(nnunetBin(), "nnUNetv2_predict_from_modelfolder"),
      ...[
        "-i",
        input,
        "-o",
        join(scratch, "peer"),
        "-m",
        model,
        "-f",
        "0",
        "-device",
        "cpu",
        "--disable_tta",
      ],
    ]);
    const ratio = ours.wallSeconds / peer.wallSeconds;
    return [
      {
        what: "full-size network, 8 windows: whole run, wall time",
        ours: `${seconds(ours.wallSeconds)}, ${megabytes(ours.peakMegabytes)}`,
        peer: `${seconds(peer.wallSeconds)}, ${megabytes(peer.peakMegabytes)}`,
        goal: `${ratio.toFixed(2)}× (goal ≤ 1.0×)`,
        isReached: ratio <= 1,
      },
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Writes a CT of 160³ voxels with the spacing of the model, so that nothing is resampled and the network dominates. */
export async function writeFullSizeCase(folder: string): Promise<void> {
  await writeImage(
    {
      voxels: Int16Array.from(syntheticCt(sizeZyx)),
      components: 1,
      // This is the model's own spacing, so that nothing is resampled and the network takes most of the time.
      geometry: {
        sizeZyx,
        spacingMmZyx: [1.125, 0.8017787039279938, 0.8017787039279938],
        originMmXyz: [0, 0, 0],
        directionXyz: identityDirection,
        dimensions: 3,
      },
      source: { path: "", format: "nifti", nifti: null },
    },
    join(folder, "full_0000.nii.gz"),
  );
}

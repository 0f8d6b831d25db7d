import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import type { Zyx } from "../../processor/imaging/volume/axes.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { type GpuBench, type GpuRun, runOurs, runPeer } from "./gpu-run.js";
import { measureProcess } from "./measure-process.js";
import { ctSizeZyx, ctSpacingMmZyx, exportHeads, syntheticCt, targetSpacingMm } from "./synthetic-volumes.js";

/** Two studies with nnU-Net's default network for a large CT (31 million parameters, patch 128³), with mirroring. */
const studies = {
  /** Nothing is resampled, so that the network takes nearly all of the time. */
  network: {
    what: "CT 300×512×512, full-size network",
    spacingMmZyx: [1.125, 0.8017787039279938, 0.8017787039279938],
    labels: null,
    modelSpacingMm: null,
  },
  /** The image is resampled to the network's spacing, and 25 logits are resampled back. */
  resampled: {
    what: "CT 300×512×512 to 1.5 mm, 25 labels",
    spacingMmZyx: ctSpacingMmZyx,
    labels: exportHeads,
    modelSpacingMm: targetSpacingMm,
  },
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly what: string;
      readonly spacingMmZyx: Zyx;
      /** Null for the labels of the golden model. */
      readonly labels: number | null;
      readonly modelSpacingMm: number | null;
    }
  >
>;

export type GpuStudy = keyof typeof studies;

/** Compares whole runs on a CT of 300×512×512 with nnU-Net's. A rehearsal stops after writing the model and the CT, because a
 * CPU needs hours for the windows. */
export async function benchGpuFullSize(bench: GpuBench, study: GpuStudy): Promise<readonly BenchRow[]> {
  if (bench.peerBin === null) return [];
  const { what, spacingMmZyx } = studies[study];
  const model = await fullSizeModel(bench, study);
  const inputDir = join(bench.scratch, `${study}-input`);
  mkdirSync(inputDir);
  await writeCt(join(inputDir, "full_0000.nii.gz"), spacingMmZyx);
  if (bench.isRehearsal) return [];
  const run = { model, folds: ["0"], inputDir, ending: "nii.gz" };
  const outputDir = join(bench.scratch, `${study}-output`);
  const ours = await runOurs({ ...run, outputDir }, bench);
  const peer = await runPeer({ ...run, outputDir: `${outputDir}-peer` }, bench);
  const { differing, voxels } = await compareSegmentations(
    join(outputDir, "images", "full.nii.gz"),
    join(`${outputDir}-peer`, "full.nii.gz"),
  );
  const difference: BenchRow = {
    what: `${what}: voxels that differ`,
    ours: `${differing} of ${voxels}`,
    goal: "none: a network of random weights is close to undecided in many voxels",
    isReached: true,
  };
  return [...compare(what, ours, peer), difference];
}

/** Writes the model of a study once; the peer's Python makes its weights. */
export async function fullSizeModel(bench: GpuBench, study: GpuStudy): Promise<string> {
  const model = join(bench.scratch, `${study}-model`);
  if (existsSync(model)) return model;
  if (bench.peerBin === null)
    throw new Error("a full-size model needs nnU-Net; set NNUNET_VENV to an environment that has it");
  const template = join(bench.scratch, `${study}-template`);
  cpSync(goldenPath("v2", "blobs_3d_fullres", "model"), template, { recursive: true });
  const { labels, modelSpacingMm } = studies[study];
  if (labels !== null)
    editJson(join(template, "dataset.json"), (dataset) => {
      const names = Array.from({ length: labels - 1 }, (_, i) => [`organ_${i + 1}`, i + 1] as const);
      dataset["labels"] = { background: 0, ...Object.fromEntries(names) };
    });
  if (modelSpacingMm !== null)
    editJson(join(template, "plans.json"), (plans) => {
      const { "3d_fullres": configuration } = plans["configurations"] as Record<
        string,
        { spacing: readonly number[] }
      >;
      configuration!.spacing = [modelSpacingMm, modelSpacingMm, modelSpacingMm];
    });
  await measureProcess([
    join(bench.peerBin, "python"),
    join(repositoryRoot, "test", "bench", "peer", "full_size_model.py"),
    template,
    model,
  ]);
  return model;
}

function editJson(path: string, edit: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  edit(json);
  writeFileSync(path, JSON.stringify(json));
}

async function writeCt(path: string, spacingMmZyx: Zyx): Promise<void> {
  await writeImage(
    {
      voxels: Int16Array.from(syntheticCt(ctSizeZyx)),
      components: 1,
      geometry: {
        sizeZyx: ctSizeZyx,
        spacingMmZyx,
        originMmXyz: [0, 0, 0],
        directionXyz: identityDirection,
        dimensions: 3,
      },
      source: { path: "", format: "nifti", nifti: null },
    },
    path,
  );
}

function compare(what: string, ours: GpuRun, peer: GpuRun): readonly BenchRow[] {
  const time = ours.wallSeconds / peer.wallSeconds;
  const memory = ours.peakMegabytes / peer.peakMegabytes;
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

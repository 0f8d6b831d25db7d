import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import type { Zyx } from "../../processor/imaging/volume/axes.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import {
  type GpuBench,
  type GpuRun,
  runFastSegmentator,
  runOurs,
  runPeer,
  type WholeRun,
} from "./gpu-run.js";
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
    goal: 0.67,
  },
  /** The image is resampled to the network's spacing, and 25 logits are resampled back. */
  resampled: {
    what: "CT 300×512×512 to 1.5 mm, 25 labels",
    spacingMmZyx: ctSpacingMmZyx,
    labels: exportHeads,
    modelSpacingMm: targetSpacingMm,
    goal: 0.25,
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
      /** The largest share of nnU-Net's time. */
      readonly goal: number;
    }
  >
>;

export type GpuStudy = keyof typeof studies;

const rehearsalSizeZyx: Zyx = [40, 80, 80];

/**
 * Compares whole runs on a CT of 300×512×512 with nnU-Net's and, without mirroring, with FastSegmentator's. A rehearsal takes
 * a small CT and a small network, because a CPU needs hours for the windows of the large ones.
 */
export async function benchGpuFullSize(bench: GpuBench, study: GpuStudy): Promise<readonly BenchRow[]> {
  if (bench.peerBin === null) return [];
  const { what: whatOf, spacingMmZyx, goal } = studies[study];
  const what = bench.isRehearsal ? `rehearsal with a small CT: ${study}` : whatOf;
  const model = await fullSizeModel(bench, study);
  const inputDir = join(bench.scratch, `${study}-input`);
  mkdirSync(inputDir);
  await writeCt(
    join(inputDir, "full_0000.nii.gz"),
    bench.isRehearsal ? rehearsalSizeZyx : ctSizeZyx,
    spacingMmZyx,
  );
  const run = { model, folds: ["0"], inputDir, ending: "nii.gz", mirrors: true };
  const outputDir = join(bench.scratch, `${study}-output`);
  const ours = await runOurs({ ...run, outputDir }, bench);
  const peer = await runPeer({ ...run, outputDir: `${outputDir}-peer` }, bench);
  const rows = [
    ...compare(what, { ours, peer, goal }),
    await difference(what, outputDir, `${outputDir}-peer`),
    ...(await withoutMirroring(bench, `${what}, not mirrored`, {
      ...run,
      mirrors: false,
      outputDir: `${outputDir}-plain`,
    })),
  ];
  return bench.isRehearsal ? rows.map((row) => ({ ...row, goal: "rehearsal", isReached: true })) : rows;
}

/**
 * Compares whole runs without mirroring with FastSegmentator's, which resamples, finds labels and cuts components on the GPU
 * and never mirrors. A rehearsal measures ours only, because FastSegmentator does not run without a GPU.
 */
async function withoutMirroring(bench: GpuBench, what: string, run: WholeRun): Promise<readonly BenchRow[]> {
  if (bench.fastSegmentator === null) return [];
  const ours = await runOurs(run, bench);
  if (bench.isRehearsal)
    return [{ what: `${what}: wall time`, ours: seconds(ours.wallSeconds), goal: "", isReached: true }];
  const nnunet = await runPeer({ ...run, outputDir: `${run.outputDir}-peer` }, bench);
  const fast = await runFastSegmentator({ ...run, outputDir: `${run.outputDir}-fast` }, bench);
  const time = ours.wallSeconds / fast.wallSeconds;
  const published = nnunet.wallSeconds / fast.wallSeconds;
  return [
    {
      what: `${what}: wall time, FastSegmentator's`,
      ours: seconds(ours.wallSeconds),
      peer: seconds(fast.wallSeconds),
      goal: `${time.toFixed(2)}× (goal ≤ 1.0×)`,
      isReached: time <= 1,
    },
    {
      what: `${what}: nnU-Net's time over FastSegmentator's`,
      ours: "",
      peer: `${published.toFixed(1)}×`,
      goal: "2 to 9 are published",
      isReached: true,
    },
    await difference(`${what}, FastSegmentator`, `${run.outputDir}-fast`, `${run.outputDir}-peer`),
    await difference(what, run.outputDir, `${run.outputDir}-peer`),
  ];
}

async function difference(what: string, folder: string, peerFolder: string): Promise<BenchRow> {
  const own = join(folder, "images", "full_0000.nii.gz");
  const { differing, voxels, dice } = await compareSegmentations(
    existsSync(own) ? own : join(folder, "full.nii.gz"),
    join(peerFolder, "full.nii.gz"),
  );
  const least = Math.min(1, ...Object.values(dice));
  return {
    what: `${what}: voxels that differ from nnU-Net's`,
    ours: `${differing} of ${voxels}, lowest Dice ${least.toFixed(4)}`,
    goal: "none: a network of random weights is close to undecided in many voxels",
    isReached: true,
  };
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
    "1",
    bench.isRehearsal ? "small" : "full",
  ]);
  return model;
}

function editJson(path: string, edit: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  edit(json);
  writeFileSync(path, JSON.stringify(json));
}

async function writeCt(path: string, sizeZyx: Zyx, spacingMmZyx: Zyx): Promise<void> {
  await writeImage(
    {
      voxels: Int16Array.from(syntheticCt(sizeZyx)),
      components: 1,
      geometry: {
        sizeZyx,
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

interface Compared {
  readonly ours: GpuRun;
  readonly peer: GpuRun;
  readonly goal: number;
}

function compare(what: string, { ours, peer, goal }: Compared): readonly BenchRow[] {
  const time = ours.wallSeconds / peer.wallSeconds;
  const memory = ours.peakMegabytes / peer.peakMegabytes;
  return [
    {
      what: `${what}: wall time`,
      ours: `${seconds(ours.wallSeconds)} on ${ours.executionProvider ?? "unknown"}`,
      peer: seconds(peer.wallSeconds),
      goal: `${time.toFixed(2)}× (goal ≤ ${goal}×)`,
      isReached: time <= goal,
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

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import type { Zyx } from "../../processor/imaging/volume/axes.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";
import { syntheticCt } from "./synthetic-volumes.js";

interface BenchCase {
  readonly what: string;
  readonly sizeZyx: Zyx;
  readonly spacingMmZyx: Zyx;
}

const cases: readonly BenchCase[] = [
  { what: "CT of 115×128×128, 5 × 2 windows", sizeZyx: [115, 128, 128], spacingMmZyx: [3, 1.5, 1.5] },
  { what: "CT of 345×512×512, 5 × 8 windows", sizeZyx: [345, 512, 512], spacingMmZyx: [1, 0.67, 0.67] },
];

/** Names a Python environment with TotalSegmentator; without it, only our side is measured. */
const peerVariable = "TOTALSEG_VENV";

/** Measures the task total with five generated networks of 31 million parameters. */
export async function benchTotalsegmentator(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-totalsegmentator-"));
  try {
    const weights = join(scratch, "weights");
    await writeWeights(weights);
    const rows: BenchRow[] = [];
    for (const of of cases) rows.push(await measureCase(of, { scratch, weights }));
    return rows;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function measureCase(
  of: BenchCase,
  { scratch, weights }: Readonly<Record<"scratch" | "weights", string>>,
): Promise<BenchRow> {
  const input = join(scratch, "case.nii.gz");
  await writeCase(input, of);
  const environment = { ...process.env, TOTALSEG_WEIGHTS_PATH: weights };
  const ours = await measureProcess(
    [
      ...([process.execPath, join(repositoryRoot, "dist", "build_processor.js"), "predict"] as const),
      ...["--model-dir", "totalsegmentator:total", "-i", input, "-o", join(scratch, of.what)],
    ],
    { env: environment },
  );
  const what = `TotalSegmentator's total: ${of.what}`;
  const measured = `${seconds(ours.wallSeconds)}, ${megabytes(ours.peakMegabytes)}`;
  const venv = process.env[peerVariable];
  if (venv === undefined) return { what, ours: measured, goal: `set ${peerVariable}`, isReached: true };
  const home = join(scratch, "home");
  mkdirSync(home, { recursive: true });
  writeFileSync(
    join(home, "config.json"),
    JSON.stringify({ totalseg_id: "bench", send_usage_stats: false, prediction_counter: 0 }),
  );
  const peer = await measureProcess(
    [
      join(venv, "bin", "TotalSegmentator"),
      ...["-i", input, "-o", join(scratch, "peer.nii.gz"), "--ml", "-d", "cpu"],
    ],
    { env: { ...environment, TOTALSEG_HOME_DIR: home } },
  );
  const time = ours.wallSeconds / peer.wallSeconds;
  const memory = ours.peakMegabytes / peer.peakMegabytes;
  return {
    what,
    ours: measured,
    peer: `${seconds(peer.wallSeconds)}, ${megabytes(peer.peakMegabytes)}`,
    goal: `${time.toFixed(2)}× and ${memory.toFixed(2)}× memory (goals ≤ 0.5× and ≤ 0.3×)`,
    isReached: time <= 0.5 && memory <= 0.3,
  };
}

/** Writes full-size networks under the names that TotalSegmentator looks for. */
async function writeWeights(folder: string): Promise<void> {
  const script = join(repositoryRoot, "test", "bench", "peer", "full_size_model.py");
  const golden = goldenPath("totalseg", "weights");
  for (const dataset of readdirSync(golden).filter((name) => /^Dataset29[1-58]_/.test(name))) {
    const [model] = readdirSync(join(golden, dataset));
    await measureProcess([
      ...([join(nnunetBin(), "python"), script] as const),
      ...[join(golden, dataset, model!), join(folder, dataset, model!)],
    ]);
  }
}

async function writeCase(path: string, { sizeZyx, spacingMmZyx }: BenchCase): Promise<void> {
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

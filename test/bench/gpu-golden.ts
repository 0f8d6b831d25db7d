import { readdirSync } from "node:fs";
import { join } from "node:path";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { type BenchRow, seconds } from "./bench-row.js";
import { type GpuBench, runOurs, runPeer } from "./gpu-run.js";

export const goldenCases = [
  { name: "blobs_3d_fullres", folds: ["0", "1"] },
  { name: "mr_regions_resenc_3d", folds: ["0"] },
  { name: "brain_tissue_3d", folds: ["0"] },
] as const;

/** Measures small models in half precision: the time, and each label's Dice against nnU-Net's answer on the CPU. */
export async function benchGpuGolden(bench: GpuBench): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { name, folds } of bench.isRehearsal ? goldenCases.slice(1, 2) : goldenCases) {
    const inputDir = goldenPath("v2", name, "input");
    const ending = /\.(nii\.gz|nii|mha|nrrd)$/.exec(readdirSync(inputDir)[0]!)![1]!;
    const run = { model: goldenPath("v2", name, "model"), folds, inputDir, ending, mirrors: true };
    const outputDir = join(bench.scratch, name);
    const ours = await runOurs({ ...run, outputDir }, bench);
    const leastDice = await leastDiceOf(name, { folder: join(outputDir, "images"), ending });
    rows.push({
      what: `${name}: lowest Dice of a label`,
      ours: `${leastDice.toFixed(5)} on ${ours.executionProvider ?? "unknown"}`,
      goal: "≥ 0.999",
      isReached: leastDice >= 0.999,
    });
    if (bench.peerBin === null) continue;
    const peer = await runPeer({ ...run, outputDir: `${outputDir}-peer` }, bench);
    const time = ours.wallSeconds / peer.wallSeconds;
    rows.push({
      what: `${name}: whole run, wall time`,
      ours: seconds(ours.wallSeconds),
      peer: seconds(peer.wallSeconds),
      goal: `${time.toFixed(2)}× (goal ≤ 0.67×)`,
      isReached: time <= 0.67,
    });
  }
  return rows;
}

async function leastDiceOf(
  name: string,
  { folder, ending }: { readonly folder: string; readonly ending: string },
): Promise<number> {
  let least = 1;
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith(`.${ending}`))) {
    // An image of one channel keeps its name with the channel's number.
    const caseName = file.slice(0, -ending.length - 1).replace(/_0000$/, "");
    const expected = goldenPath("v2", name, "expected", caseName, `seg_tta.${ending}`);
    const { dice } = await compareSegmentations(join(folder, file), expected);
    least = Math.min(least, ...Object.values(dice));
  }
  return least;
}

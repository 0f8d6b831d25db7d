import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { ignoreEvents } from "../../processor/contract/progress/run-event.js";
import { flagNames, predictDefaults, settingChoices } from "../../processor/contract/setting-choices.js";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { noExtras } from "../../processor/runtime/entries/case-extras.js";
import { predictCases } from "../../processor/runtime/entries/predict.js";
import { convertModel } from "../../src/convert/convert-model.js";
import { needsOf, noChoices, taskModels } from "../../src/models/totalsegmentator-models.js";
import { goldenPath } from "../support/golden.js";
import { neverStopped } from "../support/never-stopped.js";

interface GoldenRun {
  readonly name: string;
  /** The case whose image is used, if it is another one. */
  readonly of?: string;
  readonly task: string;
  readonly flags?: Readonly<Record<string, unknown>>;
  /** True for the rough model that finds small boxes. */
  readonly isCompact?: boolean;
  readonly warnings?: readonly string[];
}

const runs: readonly GoldenRun[] = [
  { name: "total_fastest", task: "total_fastest" },
  { name: "total_fast_statistics", task: "total_fast", flags: { statistics: "basic" } },
  { name: "total_5_parts", task: "total" },
  { name: "total_roi_subset", task: "total", flags: { "roi-subset": "liver,vertebrae_L1" } },
  { name: "kidney_cysts_robust_crop", task: "kidney_cysts", flags: { "robust-crop": true } },
  {
    name: "total_fast_save_lowres",
    of: "total_fast_statistics",
    task: "total_fast",
    flags: { "save-lowres": true },
  },
  { name: "roi_subset_compact", task: "total", flags: { "roi-subset": "liver" }, isCompact: true },
  { name: "liver_vessels_compact", task: "liver_vessels", isCompact: true },
  { name: "kidney_cysts_compact", task: "kidney_cysts", isCompact: true },
  { name: "cerebral_bleed_empty_crop", task: "cerebral_bleed", isCompact: true, warnings: ["CROP_EMPTY"] },
];

/** Random networks are often close to a tie, which float16 sums of nnU-Net decide otherwise. */
const mostDiffering = 2e-3;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tasks-"));
  for (const set of ["weights", "compact"])
    await cp(goldenPath("totalseg", "weights"), join(folder, set), { recursive: true });
  await cp(goldenPath("totalseg", "weights-crops"), join(folder, "compact"), { recursive: true });
  // The network of this task never runs, because its crop is empty.
  await cp(
    goldenPath("totalseg", "weights", "Dataset008_HepaticVessel"),
    join(folder, "compact", "Dataset150_icb_v0"),
    { recursive: true },
  );
});
afterAll(() => rm(folder, { recursive: true }));

test.each(runs)(
  "$name: the converted networks give TotalSegmentator's result",
  { timeout: 300_000 },
  async (run) => {
    const { name, of = name, task, flags = {}, isCompact = false } = run;
    const settings = settingChoices(flags, "predict", flagNames).applyTo(predictDefaults());
    const models = await taskModels(
      [`totalsegmentator:${task}`],
      { needs: needsOf(settings, "run"), others: noChoices },
      {
        currentDirectory: folder,
        environment: { HOME: folder, TOTALSEG_WEIGHTS_PATH: join(folder, isCompact ? "compact" : "weights") },
        lockFile: join(folder, "processor.lock.json"),
        progress: silentProgress,
        signal: neverStopped(),
      },
    );
    const out = join(folder, name);
    const { folder: modelDir } = await convertModel({
      models,
      settings,
      outputDir: join(out, "model"),
      progress: silentProgress,
      signal: neverStopped(),
    });
    const { cases } = await predictCases({
      modelDir,
      inputs: [goldenPath("totalseg", of, "ct.nii.gz")],
      extras: noExtras,
      outputDir: join(out, "result"),
      folds: null,
      settings: { ...settings, inferenceEngine: "onnxruntime" },
      skipsPostProcessing: false,
      saveProbabilities: false,
      prevStageDir: null,
      existing: "error",
      hookModule: null,
      onEvent: ignoreEvents,
      signal: neverStopped(),
    });
    expect(cases).toMatchObject([{ status: "done" }]);
    expect(cases[0]!.warnings).toEqual(run.warnings);
    const found = await readImage(join(out, "result", "ct.nii.gz"), { imageReader: "NibabelIO" });
    const expected = await readImage(goldenPath("totalseg", name, "expected_seg.nii.gz"), {
      imageReader: "NibabelIO",
    });
    expect(found.geometry.sizeZyx).toEqual(expected.geometry.sizeZyx);
    expect(differingShare(found.voxels as Uint8Array, expected.voxels as Uint8Array)).toBeLessThan(
      mostDiffering,
    );
    if (flags["statistics"] === undefined) return;
    const statistics = JSON.parse(
      await readFile(join(out, "result", "ct.statistics.json"), "utf8"),
    ) as object;
    expect(Object.keys(statistics)).toHaveLength(117);
  },
);

function differingShare(found: Uint8Array, expected: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < expected.length; i++) if (found[i] !== expected[i]) count++;
  return count / expected.length;
}

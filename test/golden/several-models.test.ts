import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import type { ExportMode, InferenceEngineChoice, Precision } from "../../processor/contract/run-settings.js";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import type { Image } from "../../processor/imaging/volume/image.js";
import type { CaseReport } from "../../processor/runtime/cases/case.js";
import { convertModel } from "../../src/convert/convert-model.js";
import type { ModelSet } from "../../src/models/model-set.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { dice } from "../support/images/dice.js";
import { testSettings } from "../support/model/convert.js";
import { modelIn } from "../support/model/model-in.js";
import { predictWith } from "../support/model/predict.js";
import { describeWith, needs } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";

const minutes = 60_000;
const fixtures = join(repositoryRoot, "test", "fixtures", "ensembles");

type Version = "v1" | "v2";

for (const inferenceEngine of ["onnxruntime", "openvino"] as const) {
  const wanted = inferenceEngine === "openvino" ? [needs.openvino] : [];

  describeWith(wanted, `with ${inferenceEngine}, an ensemble gives what nnU-Net's ensembling gives`, () => {
    test.each<Version>(["v1", "v2"])("2d + 3d_fullres of %s", { timeout: 10 * minutes }, async (version) => {
      const members = [await member(version, "blobs_2d"), await member(version, "blobs_3d_fullres")] as const;
      const input = goldenPath(version, "blobs_2d", "input");
      await withAnswer({ models: set(members), input, inferenceEngine }, async (found) => {
        expectSame(found, await readImage(join(fixtures, `${version}.nii.gz`)));
      });
    });
  });

  describeWith(wanted, `with ${inferenceEngine}, a cascade in one folder runs its first stage itself`, () => {
    test.each<Version>(["v1", "v2"])("of %s", { timeout: 10 * minutes }, async (version) => {
      const name = "cascade_3d_cascade_fullres";
      const second = await member(version, name);
      const first = await modelIn(goldenPath(version, "cascade_3d_lowres", "model"));
      const models = set([{ ...second, previousStage: first }]);
      await withAnswer(
        { models, input: goldenPath(version, name, "input"), inferenceEngine },
        async (found) => {
          const expected = goldenPath(version, name, "expected", "cas_007", "seg_tta.nii.gz");
          expectSame(found, await readImage(expected));
        },
      );
    });
  });
}

describeWith([needs.openvino, needs.bfloat16], "in bfloat16, with a Dice of at least 0.999,", () => {
  const precision = "bfloat16";

  test("an ensemble gives nnU-Net's segmentation", { timeout: 10 * minutes }, async () => {
    const members = [await member("v2", "blobs_2d"), await member("v2", "blobs_3d_fullres")] as const;
    const input = goldenPath("v2", "blobs_2d", "input");
    await withAnswer({ models: set(members), input, precision }, async (found) => {
      expectSimilar(found, await readImage(join(fixtures, "v2.nii.gz")));
    });
  });

  test("a cascade gives nnU-Net's segmentation", { timeout: 10 * minutes }, async () => {
    const second = await member("v2", "cascade_3d_cascade_fullres");
    const first = await modelIn(goldenPath("v2", "cascade_3d_lowres", "model"));
    const models = set([{ ...second, previousStage: first }]);
    const input = goldenPath("v2", "cascade_3d_cascade_fullres", "input");
    await withAnswer({ models, input, precision }, async (found) => {
      const expected = goldenPath(
        "v2",
        "cascade_3d_cascade_fullres",
        "expected",
        "cas_007",
        "seg_tta.nii.gz",
      );
      expectSimilar(found, await readImage(expected));
    });
  });
});

describe("v1's fast modes resample labels", () => {
  test.each(["fast", "fastest"] as const)("%s", { timeout: 10 * minutes }, async (exportMode) => {
    const models = set([await member("v1", "blobs_3d_fullres")]);
    const input = goldenPath("v1", "blobs_3d_fullres", "input");
    await withAnswer({ models, input, exportMode }, async (found) => {
      expectSame(found, await readImage(join(fixtures, `v1_${exportMode}.nii.gz`)));
    });
  });
});

test("a fast mode is refused for models to which it does not apply", async () => {
  const members = [await member("v1", "blobs_2d"), await member("v1", "blobs_3d_fullres")] as const;
  const input = goldenPath("v1", "blobs_2d", "input");
  const run = withAnswer({ models: set(members), input, exportMode: "fast" }, async () => {});
  await expect(run).rejects.toMatchObject({ code: "EXPORT_MODE_UNFIT" });
});

test("post-processing keeps one component of each label that it names, and the report says what was removed", async () => {
  const models: ModelSet = {
    ...set([await member("v2", "blobs_2d")]),
    postProcessing: { kind: "file", file: join(fixtures, "postprocessing_v1.json") },
  };
  const input = goldenPath("v2", "blobs_2d", "input");
  const plain = { ...models, postProcessing: { kind: "none" } as const };
  await withAnswer({ models: plain, input }, async (before, untouched) => {
    expect(untouched.removed).toBeUndefined();
    await withAnswer({ models, input }, async (after, report) => {
      const gone = Array.from(before.voxels, Number).filter((label, i) => label !== Number(after.voxels[i]));
      expect(report.removed!.map(({ labels }) => labels)).toEqual([[1, 2], [1]]);
      expect(report.removed!.reduce((sum, { removedVoxels }) => sum + removedVoxels, 0)).toBe(gone.length);
      expect(gone.every((label) => label !== 0)).toBe(true);
    });
  });
});

const member = async (version: Version, name: string) => ({
  model: await modelIn(goldenPath(version, name, "model")),
  previousStage: null,
});

const set = (members: ModelSet["members"]): ModelSet => ({
  members,
  totalsegmentator: null,
  postProcessing: { kind: "models" },
});

interface Run {
  readonly models: ModelSet;
  readonly input: string;
  readonly exportMode?: ExportMode;
  readonly precision?: Precision;
  /** The engine of `predictWith` if absent. */
  readonly inferenceEngine?: InferenceEngineChoice;
}

/** Converts, predicts with nnU-Net's defaults, and passes the only segmentation on. */
async function withAnswer(
  { models, input, exportMode = "normal", precision = "auto", ...engine }: Run,
  use: (image: Image, report: CaseReport) => Promise<void>,
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "several-models-"));
  try {
    const { folder } = await convertModel({
      ...{ models, settings: testSettings, outputDir: join(scratch, "model"), progress: silentProgress },
      signal: neverStopped(),
    });
    const { cases } = await predictWith({
      modelDir: folder,
      inputs: [input],
      outputDir: join(scratch, "out"),
      exportMode,
      precision,
      ...engine,
    });
    const [report, ...others] = cases as [CaseReport];
    expect(others).toEqual([]);
    expect(report.error).toBeUndefined();
    await use(await readImage(report.outputFile), report);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Checks the segmentation. nnU-Net adds up windows in float16 and stores float16 probabilities, so that single voxels may flip. */
function expectSame(found: Image, expected: Image): void {
  expect(found.geometry.sizeZyx).toEqual(expected.geometry.sizeZyx);
  const differing = Array.from(expected.voxels, Number).filter(
    (label, i) => label !== Number(found.voxels[i]),
  );
  expect(new Set(Array.from(expected.voxels, Number)).size).toBeGreaterThan(1);
  expect(differing.length).toBeLessThanOrEqual(expected.voxels.length / 10_000);
}

/** Checks the Dice of every label. */
function expectSimilar(found: Image, expected: Image): void {
  expectSame(found, expected);
  const labels = new Set(Array.from(expected.voxels, Number).filter((label) => label !== 0));
  for (const label of labels) expect(dice(found, expected, label)).toBeGreaterThanOrEqual(0.999);
}

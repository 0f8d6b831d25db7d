import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { LogitStream } from "../../../processor/inference/logit-slab.js";
import type { InferencePlan, LabelDefinition } from "../../../processor/model/manifest.js";
import { openProbabilityFile } from "../../../processor/outputs/probability-file.js";
import { createWorkerPool } from "../../../processor/parallel/worker-pool.js";
import { exportLabels } from "../../../processor/postprocess/export-labels.js";
import { preprocess } from "../../../processor/preprocess/preprocess.js";
import { voxelCount, type Zyx } from "../../../processor/volume/axes.js";
import { identityDirection } from "../../../processor/volume/geometry.js";
import { difference, repositoryRoot } from "../../support/golden.js";
import { planOf } from "../../support/plan-of.js";
import { readNpz } from "../../support/read-npz.js";

/** A small random case and what nnU-Net's own functions made of it; see test/peer/grid_fixtures.py. */
interface GridFixture {
  readonly plans: object;
  readonly dataset: object;
  readonly shape: Zyx;
  readonly spacing: Zyx;
  readonly channels: number;
  readonly image: readonly number[];
  readonly previous: readonly number[] | null;
  readonly preprocessedShape: readonly [channels: number, z: number, y: number, x: number];
  readonly preprocessed: readonly number[];
  readonly logits: readonly number[];
  readonly segmentation: readonly number[];
  readonly probabilities: readonly number[];
}

const folder = join(repositoryRoot, "test", "fixtures", "grids");
const names = readdirSync(folder).map((file) => basename(file, ".json"));
const readFixture = (name: string): GridFixture =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as GridFixture;

const pool = createWorkerPool();
const scratch = mkdtempSync(join(tmpdir(), "grids-"));
afterAll(async () => {
  await pool.close();
  rmSync(scratch, { recursive: true });
});

describe("onto the network's grid and back as nnU-Net does it", () => {
  test.each(names)("%s", async (name) => {
    const fixture = readFixture(name);
    const { plan, labels } = planOf(fixture.plans, fixture.dataset, "c");
    const prepared = await prepare(fixture, plan, labels);
    expect([prepared.channelCount, ...prepared.sizeZyx]).toEqual(fixture.preprocessedShape);
    // The image was written with 8 digits; values are z-scores, or around 100 without normalisation.
    const scale = Math.max(1, ...fixture.preprocessed.map(Math.abs));
    expect(difference(prepared.data, Float32Array.from(fixture.preprocessed)).max).toBeLessThanOrEqual(
      2e-6 * scale,
    );

    const file = await openProbabilityFile(join(scratch, `${name}.npz`), {
      heads: heads(fixture),
      history: prepared.history,
      plan,
      labels,
    });
    const source = { stream: stream(fixture, prepared.sizeZyx), history: prepared.history, plan };
    const labelMap = await exportLabels([source], { labels, pool, probabilities: file });
    await file.finish();
    await file.discard();
    expect(Array.from(labelMap.voxels)).toEqual(fixture.segmentation);
    const { shape, data } = readNpz(join(scratch, `${name}.npz`), "probabilities");
    expect(shape).toEqual([heads(fixture), ...fixture.shape]);
    expect(difference(data, Float32Array.from(fixture.probabilities)).max).toBeLessThanOrEqual(2e-6);
  });
});

test("the answer does not depend on how many slices arrive together", async () => {
  const fixture = readFixture("upsampled");
  const { plan, labels } = planOf(fixture.plans, fixture.dataset, "c");
  const { history, sizeZyx } = await prepare(fixture, plan, labels);
  for (const slices of [1, 2, 5]) {
    const source = { stream: stream(fixture, sizeZyx, slices), history, plan };
    const labelMap = await exportLabels([source], { labels, pool, probabilities: null });
    expect(Array.from(labelMap.voxels)).toEqual(fixture.segmentation);
  }
});

const heads = ({ logits, preprocessedShape }: GridFixture): number =>
  logits.length / (preprocessedShape[1] * preprocessedShape[2] * preprocessedShape[3]);

function prepare(
  { shape, spacing, image, channels, previous }: GridFixture,
  plan: InferencePlan,
  labels: LabelDefinition,
) {
  const geometry = {
    ...{ sizeZyx: shape, spacingMmZyx: spacing, originMmXyz: [0, 0, 0] as const },
    ...{ directionXyz: identityDirection, dimensions: 3 as const },
  };
  const shared = new Float32Array(new SharedArrayBuffer(image.length * 4));
  shared.set(image);
  const previousStage = previous === null ? null : { voxels: Uint8Array.from(previous), geometry };
  const volume = {
    channels: shared,
    channelCount: channels,
    geometry,
    source: { path: "", format: "nifti" as const },
  };
  return preprocess(volume, { plan, labels, previousStage, pool });
}

/** The fixture's `head × z × y × x` as the sliding window hands it over. */
function stream(fixture: GridFixture, sizeZyx: Zyx, slicesPerSlab = 3): LogitStream {
  const headCount = heads(fixture);
  const plane = sizeZyx[1] * sizeZyx[2];
  async function* slabs() {
    for (let zStart = 0; zStart < sizeZyx[0]; zStart += slicesPerSlab) {
      const slices = Math.min(slicesPerSlab, sizeZyx[0] - zStart);
      const values = new Float32Array(new SharedArrayBuffer(slices * headCount * plane * 4));
      for (let z = 0; z < slices; z++) {
        for (let head = 0; head < headCount; head++) {
          const from = head * voxelCount(sizeZyx) + (zStart + z) * plane;
          values.set(fixture.logits.slice(from, from + plane), (z * headCount + head) * plane);
        }
      }
      const slabSize = [slices, sizeZyx[1], sizeZyx[2]] as const;
      yield { zStart, sizeZyx: slabSize, heads: headCount, values, kind: "logits" as const };
    }
  }
  return { heads: headCount, sizeZyx, kind: "logits", slabs: slabs() };
}

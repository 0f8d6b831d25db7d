import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openProbabilityFile } from "../../../../processor/runtime/outputs/probability-file.js";
import { exportLabels } from "../../../../processor/runtime/postprocess/export-labels.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { difference, repositoryRoot } from "../../../support/golden.js";
import { answerOf, type GridFixture, heads, prepare } from "../../../support/images/grid-fixture.js";
import { planOf } from "../../../support/model/plan-of.js";
import { readNpz } from "../../../support/model/read-npz.js";

/** See test/peer/grid_fixtures.py. */
interface FixtureV2 extends GridFixture {
  readonly plans: object;
  readonly dataset: object;
  readonly probabilities: readonly number[];
}

const folder = join(repositoryRoot, "test", "fixtures", "grids");
const names = readdirSync(folder).map((file) => basename(file, ".json"));
const readFixture = (name: string): FixtureV2 =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as FixtureV2;

const pool = openPool();
const scratch = mkdtempSync(join(tmpdir(), "grids-"));
afterAll(async () => {
  await pool.close();
  rmSync(scratch, { recursive: true });
});

describe("resampling to the network's grid and back is the same as in nnU-Net", () => {
  test.each(names)("%s", async (name) => {
    const fixture = readFixture(name);
    const { plan, labels } = planOf(fixture.plans, fixture.dataset, "c");
    const prepared = await prepare(fixture, { plan, labels, pool });
    expect([prepared.channelCount, ...prepared.sizeZyx]).toEqual(fixture.preprocessedShape);
    // The image was written with 8 digits. The values are z-scores, or around 100 without normalisation.
    const scale = Math.max(1, ...fixture.preprocessed.map(Math.abs));
    expect(difference(prepared.data, Float32Array.from(fixture.preprocessed)).max).toBeLessThanOrEqual(
      2e-6 * scale,
    );

    const file = await openProbabilityFile(join(scratch, `${name}.npz`), {
      nnunetVersion: 2,
      heads: heads(fixture),
      history: prepared.history,
      plan,
      labels,
    });
    const source = {
      stream: answerOf(fixture, { sizeZyx: prepared.sizeZyx, kind: "logits" }),
      history: prepared.history,
      plan,
    };
    const labelMap = await exportLabels([source], { labels, pool, probabilities: file });
    await file.finish();
    await file.discard();
    expect(Array.from(labelMap.voxels)).toEqual(fixture.segmentation);
    const { shape, data } = readNpz(join(scratch, `${name}.npz`), "probabilities");
    expect(shape).toEqual([heads(fixture), ...fixture.shape]);
    expect(difference(data, Float32Array.from(fixture.probabilities)).max).toBeLessThanOrEqual(2e-6);
  });
});

test("the result does not depend on the number of slices that arrive together", async () => {
  const fixture = readFixture("upsampled");
  const { plan, labels } = planOf(fixture.plans, fixture.dataset, "c");
  const { history, sizeZyx } = await prepare(fixture, { plan, labels, pool });
  for (const slices of [1, 2, 5]) {
    const source = {
      stream: answerOf(fixture, { sizeZyx, kind: "logits", slicesPerSlab: slices }),
      history,
      plan,
    };
    const labelMap = await exportLabels([source], { labels, pool, probabilities: null });
    expect(Array.from(labelMap.voxels)).toEqual(fixture.segmentation);
  }
});

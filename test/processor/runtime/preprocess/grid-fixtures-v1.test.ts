import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { LabelDefinition } from "../../../../processor/contract/manifest.js";
import { exportLabels } from "../../../../processor/runtime/postprocess/export-labels.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { Field } from "../../../../src/checkpoint/fields.js";
import { readInferencePlanV1 } from "../../../../src/checkpoint/nnunet-v1/inference-plan.js";
import { difference, repositoryRoot } from "../../../support/golden.js";
import { answerOf, type GridFixture, prepare } from "../../../support/images/grid-fixture.js";

/** See test/peer/grid_fixtures_v1.py. */
interface FixtureV1 extends GridFixture {
  readonly plans: { readonly plans_per_stage: { readonly 0: object } };
  readonly regions: boolean;
}

const folder = join(repositoryRoot, "test", "fixtures", "grids_v1");
const names = readdirSync(folder).map((file) => basename(file, ".json"));

const pool = openPool();
afterAll(() => pool.close());

describe("resampling to the network's grid and back is the same as in nnU-Net v1", () => {
  test.each(names)("%s", async (name) => {
    const fixture = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as FixtureV1;
    const plans = new Field(fixture.plans, "plans.pkl");
    const stagePlan = plans.get("plans_per_stage").get("0");
    const plan = readInferencePlanV1({ plans, stagePlan, doesMirror: false });
    const labels: LabelDefinition = {
      ...{ names: [], foregroundLabels: fixture.regions ? [1, 2, 3] : [1, 2], ignoreLabel: null },
      regionsClassOrder: fixture.regions ? [1, 2, 3] : null,
    };
    const prepared = await prepare(fixture, { plan, labels, pool });
    expect([prepared.channelCount, ...prepared.sizeZyx]).toEqual(fixture.preprocessedShape);
    // v1 interpolates in float64 and stores float32. The values are z-scores, or around 100 without normalisation.
    const scale = Math.max(1, ...fixture.preprocessed.map(Math.abs));
    const { max } = difference(prepared.data, Float32Array.from(fixture.preprocessed));
    expect(max).toBeLessThanOrEqual(2e-6 * scale);
    const stream = answerOf(fixture, { sizeZyx: prepared.sizeZyx, kind: "probabilities" });
    const source = { stream, history: prepared.history, plan };
    const labelMap = await exportLabels([source], { labels, pool, probabilities: null });
    expect(Array.from(labelMap.voxels)).toEqual(fixture.segmentation);
  });
});

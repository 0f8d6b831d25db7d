import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { difference, readNpyGz } from "../support/golden.js";
import { goldenV2, prepareGolden, withGoldenCase } from "../support/model/golden-case.js";

const pool = openPool();
afterAll(() => pool.close());

describe("preprocessing gives the network the same values as nnU-Net's does", () => {
  test.each(goldenV2)("%s", async (name) => {
    await withGoldenCase(name, async (golden) => {
      const prepared = await prepareGolden(golden, pool);
      const expected = readNpyGz(join(golden.expectedDir, "preprocessed.npy.gz"));
      expect([prepared.channelCount, ...prepared.sizeZyx]).toEqual(expected.shape);
      // The values are z-scores. nnU-Net resamples in float64 and rounds once; we round to float32 after each axis.
      expect(difference(prepared.data, expected.data).max).toBeLessThanOrEqual(2e-6);
    });
  });
});

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withConvertedModel } from "../../support/convert.js";
import { repositoryRoot } from "../../support/golden.js";
import { compareWindow, readWindow } from "../../support/network-window.js";

const fixtures = join(repositoryRoot, "test", "fixtures", "networks");

describe("a converted network answers a window as torch does:", () => {
  test.each(readdirSync(fixtures))("%s", async (name) => {
    const expected = readWindow(join(fixtures, name, "window.json"));
    await withConvertedModel(join(fixtures, name), async ({ folder, manifest }) => {
      const { network, plan } = manifest.models[0]!;
      const { shape, relativeError } = await compareWindow(
        folder,
        [1, network.inputChannels, ...plan.patchSize],
        expected,
      );
      expect(shape).toEqual(expected.shape);
      // Sums of some hundred float32 products in another order; normalisation over a few voxels amplifies it.
      expect(relativeError).toBeLessThan(2e-5);
    });
  });
});

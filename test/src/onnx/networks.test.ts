import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../../support/golden.js";
import { withConvertedModel } from "../../support/model/convert.js";
import { compareWindow, readWindow } from "../../support/model/network-window.js";

const fixtures = join(repositoryRoot, "test", "fixtures");
const networks = ["networks", "networks_v1"].flatMap((folder) =>
  readdirSync(join(fixtures, folder)).map((name) => ({ name, folder: join(fixtures, folder, name) })),
);

describe("a converted network gives the same output for a window as torch:", () => {
  test.each(networks)("$name", async ({ folder: modelDir }) => {
    const expected = readWindow(join(modelDir, "window.json"));
    await withConvertedModel(modelDir, async ({ folder, manifest }) => {
      const { network, plan } = manifest.models[0]!;
      const inputShape = [1, network.inputChannels, ...plan.patchSize];
      const { shape, relativeError } = await compareWindow(folder, inputShape, expected);
      expect(shape).toEqual(expected.shape);
      // Sums of some hundred float32 products in a different order. Normalisation over a few voxels amplifies
      // the error.
      expect(relativeError).toBeLessThan(2e-5);
    });
  });
});

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { withConvertedModel } from "../support/model/convert.js";
import { compareWindow, readWindow } from "../support/model/network-window.js";

describe("a trained model's converted network answers a window as nnU-Net's own network does:", () => {
  test.each(readdirSync(goldenPath("v2")))("%s", async (name) => {
    const expected = readWindow(join(repositoryRoot, "test", "fixtures", "windows", `${name}.json`));
    await withConvertedModel(goldenPath("v2", name, "model"), async ({ folder, manifest }) => {
      const { network, plan } = manifest.models[0]!;
      const inputShape = [1, network.inputChannels, ...plan.patchSize];
      const { shape, relativeError } = await compareWindow(folder, inputShape, expected);
      expect(shape).toEqual(expected.shape);
      // The float32 sums have another order.
      expect(relativeError).toBeLessThan(2e-5);
    });
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../../processor/progress/progress.js";
import { buildProcessor } from "../../src/build-pipeline.js";
import { convertModel } from "../../src/convert-pipeline.js";
import { type BuiltImage, buildImage } from "../../src/image/docker/build-image.js";
import { type ImageLayer, type ImagePlan, layerFile } from "../../src/image/image-plan.js";
import { listProcessorFiles, modelDirectory } from "../../src/image/processor-files.js";
import { planProcessorImage } from "../../src/image/processor-image-plan.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker.js";
import { testBuildOptions } from "../support/processor-build.js";

const timeout = 300_000;

describeWithEngine("the engine's cache", () => {
  const imageName = "nnunet-processor-test/cache:1";
  const changedName = "nnunet-processor-test/cache:2";
  const scratch = mkdtempSync(join(tmpdir(), "e2e-cache-"));
  let plan: ImagePlan;
  let built: BuiltImage;

  beforeAll(async () => {
    const options = await testBuildOptions({ golden: "blobs_3d_fullres", imageName, scratch });
    const { baseImage } = await buildProcessor(options);
    const outputDir = join(scratch, "converted");
    plan = planProcessorImage({
      converted: await convertModel({ ...options, outputDir }),
      description: { ...options.description, processorVersion: "0" },
      base: { imageName: baseImage, imageId: null },
      processorFiles: await listProcessorFiles(),
      hookFile: null,
    });
    built = await build(plan);
  }, timeout);

  afterAll(async () => {
    await removeImage(imageName);
    await removeImage(changedName);
    rmSync(scratch, { recursive: true, force: true });
  });

  test("has every step of a build that is repeated, and the image is the same one", async () => {
    const again = await build(plan);
    expect(again.steps.filter(({ isCached }) => !isCached).map(({ instruction }) => instruction)).toEqual([
      `FROM ${(plan.base as { readonly imageName: string }).imageName}`,
    ]);
    expect(again.imageId).toBe(built.imageId);
  });

  test.each([
    { change: "the processor's code", layer: "processor", kept: ["fold_0", "fold_1"] },
    { change: "a setting", layer: "manifest", kept: ["fold_0", "fold_1", "processor"] },
    { change: "one fold's weights", layer: "fold_1", kept: ["fold_0"] },
  ])("re-does only its own layer after a change of $change", async ({ layer, kept }) => {
    const changed = await build({ ...plan, imageName: changedName, layers: withChange(plan.layers, layer) });
    const cached = changed.steps.filter(({ isCached }) => isCached).map(({ instruction }) => instruction);
    expect(cached).toEqual(kept.map((name) => `COPY ["${name}/", "/"]`));
    const [before, after] = [await layerDigests(imageName), await layerDigests(changedName)];
    const position = before.length - plan.layers.length + plan.layers.findIndex(({ name }) => name === layer);
    expect(after.map((digest, i) => (digest === before[i] ? null : i)).filter((i) => i !== null)).toEqual([
      position,
    ]);
  });

  const build = (wanted: ImagePlan) =>
    buildImage({ engine: testEngine(), plan: wanted, progress: silentProgress });

  async function layerDigests(name: string): Promise<readonly string[]> {
    return (await testEngine().docker.getImage(name).inspect()).RootFS.Layers ?? [];
  }
});

const withChange = (layers: readonly ImageLayer[], name: string): readonly ImageLayer[] =>
  layers.map((layer) =>
    layer.name === name
      ? {
          ...layer,
          entries: [...layer.entries, layerFile(`${modelDirectory.slice(1)}/changed`, { text: name })],
        }
      : layer,
  );

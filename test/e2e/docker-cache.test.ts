import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { layerPath, places } from "../../processor/contract/places.js";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { convertModel } from "../../src/convert/convert-model.js";
import { type BuiltImage, buildImage } from "../../src/docker/build-image.js";
import { type ImageLayer, type ImagePlan, layerFile } from "../../src/image/image-plan.js";
import { listProcessorFiles } from "../../src/image/processor-files.js";
import { planProcessorImage } from "../../src/image/processor-image-plan.js";
import { imageForTarget } from "../../src/image/target-image.js";
import { describeWithEngine, layerDigests, removeImage, testEngine } from "../support/docker/docker.js";
import { buildWithDocker, testBuildRequest } from "../support/docker/processor-build.js";
import { neverStopped } from "../support/never-stopped.js";

const timeout = 600_000;

describeWithEngine("the engine's cache", () => {
  const imageName = "nnunet-processor-test/cache:1";
  const baseMaker = "nnunet-processor-test/cache:0";
  const scratch = mkdtempSync(join(tmpdir(), "e2e-cache-"));
  let plan: ImagePlan;
  let built: BuiltImage;

  beforeAll(async () => {
    const request = await testBuildRequest({ golden: "blobs_3d_fullres", imageName, scratch });
    const { baseImage } = await buildWithDocker({
      ...request,
      image: { ...request.image, description: { ...request.image.description, imageName: baseMaker } },
    });
    const outputDir = join(scratch, "converted");
    const planned = planProcessorImage({
      converted: await convertModel({
        ...request,
        ...request.context,
        models: request.models!,
        outputDir,
      }),
      description: { ...request.image.description, processorVersion: "0" },
      base: { imageName: baseImage, imageId: null },
      processorFiles: await listProcessorFiles(),
      codecFiles: [],
      serviceFiles: [],
      pageFiles: [],
      hookFile: null,
      targetImage: { ...imageForTarget({ kind: "plain" }), lastLayers: [] },
      platform: "linux/amd64",
      carriesModel: true,
    });
    // Other tests build this model too. A first layer of its own keeps this image apart from theirs.
    plan = { ...planned, layers: withChange(planned.layers, "fold_0") };
    built = await build(plan);
  }, timeout);

  afterAll(async () => {
    await removeImage(imageName);
    await removeImage(baseMaker);
    rmSync(scratch, { recursive: true, force: true });
  });

  test("has every step of a repeated build, which gives the same image", async () => {
    const again = await build(plan);
    expect(again.steps.filter(({ isCached }) => !isCached).map(({ instruction }) => instruction)).toEqual([
      `FROM ${(plan.base as { readonly imageName: string }).imageName}`,
    ]);
    expect(again.imageId).toBe(built.imageId);
  });

  test.each([
    { layer: "processor", kept: ["fold_0", "fold_1"] },
    { layer: "manifest", kept: ["fold_0", "fold_1", "processor"] },
    { layer: "fold_1", kept: ["fold_0"] },
  ])("re-does only the layer of $layer after a change", async ({ layer, kept }) => {
    const changedName = `nnunet-processor-test/cache:changed-${layer}`;
    onTestFinished(() => removeImage(changedName));
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
    buildImage({ engine: testEngine(), plan: wanted, progress: silentProgress, signal: neverStopped() });
});

const withChange = (layers: readonly ImageLayer[], name: string): readonly ImageLayer[] =>
  layers.map((layer) =>
    layer.name === name
      ? {
          ...layer,
          entries: [
            ...layer.entries,
            layerFile(`${layerPath(places.image.model)}/changed-${name}`, { text: randomUUID() }),
          ],
        }
      : layer,
  );

import { randomUUID } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { buildImage } from "../../src/docker/build-image.js";
import {
  describeWithEngine,
  imagesWithLayer,
  layerDigests,
  removeImage,
  testEngine,
} from "../support/docker/docker.js";
import { neverStopped } from "../support/never-stopped.js";
import { smallRootFileSystem } from "../support/oci/oci-scratch.js";
import { testPlan, textLayer } from "../support/oci/test-plan.js";

describeWithEngine("builds side by side on one base", () => {
  const scratch = mkdtempSync(join(tmpdir(), "e2e-side-by-side-"));
  const baseName = "nnunet-processor-test/side-by-side:base";
  const builders = 4;
  const buildsEach = 6;

  beforeAll(async () => {
    // No other test's image has this layer, so that all images with it can be removed at the end.
    mkdirSync(join(scratch, "root"));
    writeFileSync(join(scratch, "root", "unique"), randomUUID());
    const archive = createReadStream(await smallRootFileSystem(scratch));
    const [repo, tag] = baseName.split(":") as [string, string];
    await text(await testEngine().docker.importImage(archive, { repo, tag }));
  });

  afterAll(async () => {
    // Docker loses a step's image if the image below it is removed at the same moment.
    const { Id: base, RootFS } = await testEngine().docker.getImage(baseName).inspect();
    for (const image of await imagesWithLayer(RootFS.Layers![0]!))
      if (image !== base) await removeImage(image);
    await removeImage(baseName);
    rmSync(scratch, { recursive: true, force: true });
  });

  // Each removal takes images out of the engine's cache that another build may just have chosen. About one build in
  // five would fail if such a build were not repeated.
  test("all succeed while images of the others are removed", async () => {
    const buildAndRemove = async (builder: number) => {
      for (let build = 0; build < buildsEach; build++) {
        const imageName = `nnunet-processor-test/side-by-side:${builder}`;
        const plan = testPlan({
          imageName,
          base: { kind: "image", imageName: baseName },
          layers: [
            textLayer("same", { "opt/same.txt": "1" }),
            textLayer("own", { "opt/own.txt": `${builder} ${build}` }),
          ],
        });
        await buildImage({ engine: testEngine(), plan, progress: silentProgress, signal: neverStopped() });
        expect((await layerDigests(imageName)).length).toBe(3);
        await removeImage(imageName);
      }
    };
    await Promise.all(Array.from({ length: builders }, (_, builder) => buildAndRemove(builder)));
  }, 600_000);
});

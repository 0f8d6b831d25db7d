import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { readTar } from "../../processor/files/tar/read-tar.js";
import { buildImage } from "../../src/docker/build-image.js";
import { type ImageBase, overlaidFileTime } from "../../src/image/image-plan.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker/docker.js";
import { neverStopped } from "../support/never-stopped.js";
import { scratchFolder, smallRootFileSystem } from "../support/oci/oci-scratch.js";
import { testPlan, textLayer } from "../support/oci/test-plan.js";

describeWithEngine("a file at the path of one in the base image", () => {
  // A base of an earlier version may hold the processor's code. Engines that compare folders look at size and time.
  test("replaces it, even if both have the same size", async () => {
    const name = `nnunet-processor-test/overlaid-${randomUUID().slice(0, 8)}`;
    const archive = await smallRootFileSystem(scratchFolder());
    const build = async (tag: string, base: ImageBase, code: string) => {
      const imageName = `${name}:${tag}`;
      onTestFinished(() => removeImage(imageName));
      const layers = [textLayer("processor", { "opt/main.js": code })];
      const fileTime = base.kind === "image" ? { fileTime: overlaidFileTime } : {};
      const plan = testPlan({ imageName, base, layers, ...fileTime });
      await buildImage({ engine: testEngine(), plan, progress: silentProgress, signal: neverStopped() });
      return imageName;
    };
    const base = await build("base", { kind: "root-file-system", archive }, "main(1)");
    const image = await build("image", { kind: "image", imageName: base }, "main(2)");
    expect(await textIn(image, "/opt/main.js")).toBe("main(2)");
  });
});

async function textIn(imageName: string, path: string): Promise<string> {
  const container = await testEngine().docker.createContainer({ Image: imageName });
  try {
    const archive = await container.getArchive({ path });
    let found = "";
    for await (const { bytes } of readTar(archive as AsyncIterable<Buffer>)) found += await text(bytes);
    return found;
  } finally {
    await container.remove();
  }
}

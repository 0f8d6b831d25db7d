import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { connectEngine } from "../../src/docker/engine.js";
import { findImage } from "../../src/docker/find-image.js";
import { loadImage } from "../../src/docker/load-image.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker/docker.js";
import { fragileEngine } from "../support/docker/fragile-engine.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../support/oci/oci-scratch.js";
import { testPlan, textLayer } from "../support/oci/test-plan.js";

async function smallImage(imageName: string, text: string) {
  const scratch = scratchFolder();
  const base = { kind: "root-file-system", archive: await smallRootFileSystem(scratch) } as const;
  const layers = [textLayer("only", { "opt/text.txt": text })];
  return assemble(testPlan({ imageName, base, layers }), join(scratch, "cache"));
}

/** Stops loading an image when the engine, which has received all of it, starts to answer. */
async function stopWhileAnswering(imageName: string, text: string): Promise<unknown> {
  const stop = new AbortController();
  const proxy = await fragileEngine(scratchFolder(), () =>
    stop.abort(sharedError("INTERRUPTED", "stopped by a test")),
  );
  const engine = await connectEngine(proxy.environment, new AbortController().signal);
  const reason = await loadImage(engine, await smallImage(imageName, text), stop.signal).then(
    () => "loaded",
    (error: unknown) => error,
  );
  proxy.die();
  return reason;
}

const idOf = async (imageName: string) => (await findImage(testEngine(), imageName))?.imageId ?? null;

describeWithEngine("an image whose load is stopped while the engine answers", () => {
  test("is not left in the engine, and loads the next time", async () => {
    const imageName = "nnunet-processor-test/load-interrupted:1";
    onTestFinished(() => removeImage(imageName));
    expect(await stopWhileAnswering(imageName, "new")).toMatchObject({ code: "INTERRUPTED" });
    expect(await idOf(imageName)).toBeNull();
    const image = await smallImage(imageName, "new");
    await loadImage(testEngine(), image, new AbortController().signal);
    expect(await idOf(imageName)).toBe(image.config.descriptor.digest);
  });

  test("leaves its name with the image that had it", async () => {
    const imageName = "nnunet-processor-test/load-interrupted:2";
    onTestFinished(() => removeImage(imageName));
    const earlier = await smallImage(imageName, "earlier");
    await loadImage(testEngine(), earlier, new AbortController().signal);
    const idBefore = await idOf(imageName);
    expect(await stopWhileAnswering(imageName, "later")).toMatchObject({ code: "INTERRUPTED" });
    expect(await idOf(imageName)).toBe(idBefore);
  });
});

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ProcessorError } from "../../processor/errors.js";
import type { Progress, ProgressTaskOptions } from "../../processor/progress/progress.js";
import { buildProcessor } from "../../src/build-pipeline.js";
import { describeWithEngine, engineContents, removeImage } from "../support/docker.js";
import { testBuildOptions } from "../support/processor-build.js";

const timeout = 300_000;

describeWithEngine("a build that is interrupted", () => {
  const scratch = mkdtempSync(join(tmpdir(), "e2e-interrupted-"));
  const imageName = "nnunet-processor-test/interrupted:1";

  beforeAll(async () => {
    // The base image stays: it is no part of what is interrupted.
    const earlier = "nnunet-processor-test/interrupted:0";
    await buildProcessor(await testBuildOptions({ golden: "blobs_2d", imageName: earlier, scratch }));
    await removeImage(earlier);
  }, timeout);

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each([
    { moment: "while the model is converted", label: "converting" },
    { moment: "while the context is sent", label: "sending" },
    { moment: "while the engine copies layers", label: "building" },
  ])("$moment leaves nothing in the engine and no build folder", async ({ label }) => {
    const before = await engineContents();
    const stop = new AbortController();
    const options = await testBuildOptions({
      golden: "blobs_2d",
      imageName,
      scratch,
      progress: stoppingAt(label, stop),
    });
    const reason = await buildProcessor({ ...options, signal: stop.signal }).catch((error: unknown) => error);
    expect(stop.signal.aborted).toBe(true);
    expect(reason).toMatchObject({ code: "INTERRUPTED" });
    expect(await engineContents()).toEqual(before);
    expect(existsSync(join(scratch, "build"))).toBe(false);
  });

  test("while the archive is written leaves the image, and no part of the archive", async () => {
    const stop = new AbortController();
    const options = await testBuildOptions({
      golden: "blobs_2d",
      imageName,
      scratch,
      progress: stoppingAt("exporting", stop),
    });
    const exportFolder = join(scratch, "archive");
    const reason = await buildProcessor({ ...options, exportFolder, signal: stop.signal }).catch(
      (error: unknown) => error,
    );
    expect(reason).toMatchObject({ code: "INTERRUPTED" });
    expect((await engineContents()).images.some((image) => image.includes(imageName))).toBe(true);
    expect(existsSync(join(exportFolder, "nnunet-processor-test-interrupted-1.tar.gz"))).toBe(false);
    await removeImage(imageName);
  });
});

/** Presses Ctrl-C at the first progress of a task. */
function stoppingAt(label: string, stop: AbortController): Progress {
  return {
    start: (task: ProgressTaskOptions) => ({
      advance: () => {
        if (task.label.startsWith(label)) stop.abort(new ProcessorError("INTERRUPTED", "stopped by a test"));
      },
      done: () => {},
    }),
    note: () => {},
  };
}

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { Progress, ProgressTaskOptions } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { describeWithEngine, imagesWithLayer, layerDigests, removeImage } from "../support/docker/docker.js";
import { fragileEngine } from "../support/docker/fragile-engine.js";
import { buildWithDocker, testBuildRequest } from "../support/docker/processor-build.js";

const timeout = 600_000;

describeWithEngine("a build that is interrupted", () => {
  const scratch = mkdtempSync(join(tmpdir(), "e2e-interrupted-"));
  const imageName = "nnunet-processor-test/interrupted:1";
  let weightsLayer: string;
  let imagesBefore: readonly string[];

  beforeAll(async () => {
    // Only these tests build this model, so that its weights identify their images.
    const earlier = "nnunet-processor-test/interrupted:0";
    const request = await testBuildRequest({ golden: "cascade_3d_lowres", imageName: earlier, scratch });
    const { baseImage } = await buildWithDocker(request);
    weightsLayer = (await layerDigests(earlier))[(await layerDigests(baseImage)).length]!;
    await removeImage(earlier);
    imagesBefore = await imagesWithLayer(weightsLayer);
  }, timeout);

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each([{ label: "converting" }, { label: "sending" }, { label: "building" }])(
    "leaves nothing in the engine and no build folder when stopped while $label",
    async ({ label }) => {
      const stop = new AbortController();
      const request = await testBuildRequest({
        golden: "cascade_3d_lowres",
        imageName,
        scratch,
        context: { progress: stoppingAt(label, stop), signal: stop.signal },
      });
      const reason = await buildWithDocker(request).catch((error: unknown) => error);
      expect(stop.signal.aborted).toBe(true);
      expect(reason).toMatchObject({ code: "INTERRUPTED" });
      expect(await imagesWithLayer(weightsLayer)).toEqual(imagesBefore);
      expect(existsSync(join(scratch, "build"))).toBe(false);
    },
  );

  test("leaves the image, but no part of the archive, if it is stopped while exporting", async () => {
    const stop = new AbortController();
    const exportFolder = join(scratch, "archive");
    const request = await testBuildRequest({
      golden: "cascade_3d_lowres",
      imageName,
      scratch,
      outputs: { exportFolder },
      context: { progress: stoppingAt("exporting", stop), signal: stop.signal },
    });
    const reason = await buildWithDocker(request).catch((error: unknown) => error);
    expect(reason).toMatchObject({ code: "INTERRUPTED" });
    expect(await layerDigests(imageName)).toContain(weightsLayer);
    expect(existsSync(join(exportFolder, "nnunet-processor-test-interrupted-1.tar.gz"))).toBe(false);
    await removeImage(imageName);
  });
});

describeWithEngine("an engine that dies", () => {
  const scratch = mkdtempSync(join(tmpdir(), "e2e-dying-"));
  const imageName = "nnunet-processor-test/dying:1";
  afterAll(async () => {
    rmSync(scratch, { recursive: true, force: true });
    await removeImage(imageName);
  });

  test.each(["sending", "building", "exporting"])(
    "while %s is reported as such, and the next build succeeds",
    { timeout },
    async (label) => {
      const folder = mkdtempSync(join(scratch, "run-"));
      const engine = await fragileEngine(folder);
      const exportFolder = join(folder, "archive");
      const request = await testBuildRequest({
        golden: "cascade_3d_lowres",
        imageName,
        scratch: folder,
        outputs: { exportFolder },
      });
      const progress = atFirst(label, () => engine.die());
      const broken = await buildWithDocker({
        ...request,
        context: { ...request.context, environment: engine.environment, progress },
      }).catch((error: unknown) => error);
      expect(broken).toBeInstanceOf(ProcessorError);
      expect((broken as ProcessorError).exitCode).toBe(5);
      expect((broken as ProcessorError).code).not.toBe("INTERRUPTED");
      expect(existsSync(join(folder, "build"))).toBe(false);
      expect(existsSync(exportFolder) ? readdirSync(exportFolder) : []).toEqual([]);

      const built = await buildWithDocker(request);
      expect(built.archive).not.toBeNull();
    },
  );
});

/** Presses Ctrl-C when a task reports its first progress. */
const stoppingAt = (label: string, stop: AbortController): Progress =>
  atFirst(label, () => stop.abort(sharedError("INTERRUPTED", "stopped by a test")));

function atFirst(label: string, act: () => void): Progress {
  return {
    start: (task: ProgressTaskOptions) => ({
      advance: () => {
        if (task.label.startsWith(label)) act();
      },
      done: () => {},
    }),
    note: () => {},
  };
}

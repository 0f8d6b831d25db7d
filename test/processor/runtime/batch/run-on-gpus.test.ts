import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runOnGpus } from "../../../../processor/runtime/batch/run-on-gpus.js";
import { withSmallBatch, writeSmallCase } from "../../../support/batch/small-batch.js";
import { predictWith } from "../../../support/model/predict.js";

// On a machine without GPUs, each process takes the CPU; which GPU one sees is tested with its variables.
test("cases on several GPUs give the results of one process, and existing ones are kept", async () => {
  await withSmallBatch(3, async ({ modelDir, imageDir, folder, names }) => {
    const request = { modelDir, inputs: [imageDir] };
    await predictWith({ ...request, outputDir: join(folder, "one") });
    const run = runOnGpus(["0", "1"]);
    const first = await predictWith({ ...request, outputDir: join(folder, "several"), run });
    expect(first.cases.map(({ name, status }) => [name, status])).toEqual(
      names.map((name) => [name, "done"]),
    );
    expect(first.executionProvider).toContain("CPU");
    for (const { outputFile, name } of first.cases)
      expect(readFileSync(outputFile).equals(readFileSync(join(folder, "one", `${name}.nii`)))).toBe(true);
    writeSmallCase(imageDir, "case_009", 9);
    const second = await predictWith({
      ...request,
      outputDir: join(folder, "several"),
      existing: "continue",
      run,
    });
    expect(second.cases.map(({ status }) => status)).toEqual(["skipped", "skipped", "skipped", "done"]);
  });
});

test("a stop ends the processes of all GPUs", async () => {
  await withSmallBatch(2, async ({ modelDir, imageDir, folder }) => {
    const stop = new AbortController();
    const running = predictWith({
      ...{ modelDir, inputs: [imageDir], outputDir: join(folder, "out"), run: runOnGpus(["0", "1"]) },
      signal: stop.signal,
      onEvent: () => stop.abort(new Error("stopped by the test")),
    });
    await expect(running).rejects.toThrow("stopped by the test");
  });
});

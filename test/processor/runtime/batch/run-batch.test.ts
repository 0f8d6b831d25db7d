import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { failureLimit } from "../../../../processor/runtime/batch/failure-limit.js";
import {
  recordOf,
  runSmall,
  segmentationsOf,
  statesOf,
  withSmallBatch,
  writeHook,
  writeSmallImage,
} from "../../../support/batch/small-batch.js";

test("a run computes every case once, and starting again computes none", async () => {
  await withSmallBatch(3, async (batch) => {
    const { records } = await runSmall(batch, { workers: [null, null] });
    expect(records.map(({ state }) => state)).toEqual(["done", "done", "done"]);
    const first = recordOf(batch, "case_000");
    expect(first).toMatchObject({ case: "case_000", error: null, device: "CPUExecutionProvider" });
    expect(first.outputs[0].path).toBe("case_000.nii.gz");
    expect(readdirSync(join(batch.outputDir, "claims"))).toEqual([]);
    await runSmall(batch);
    expect(recordOf(batch, "case_000")).toEqual(first);
  });
});

test("a case without its segmentation, or with another one, is computed again", async () => {
  await withSmallBatch(3, async (batch) => {
    await runSmall(batch);
    const before = await segmentationsOf(batch);
    const segmentations = join(batch.outputDir, "segmentations");
    rmSync(join(segmentations, "case_000.nii.gz"));
    writeFileSync(join(segmentations, "case_001.nii.gz"), "cut");
    const untouched = recordOf(batch, "case_002");
    await runSmall(batch);
    expect(await segmentationsOf(batch)).toEqual(before);
    expect(recordOf(batch, "case_002")).toEqual(untouched);
  });
});

test("a damaged image fails its own case at once, and a later run with a good one computes it", async () => {
  await withSmallBatch(3, async (batch) => {
    const image = join(batch.imageDir, "case_001_0000.nii");
    writeFileSync(image, "not an image");
    await runSmall(batch);
    expect(statesOf(batch)).toEqual(["done", "failed", "done"]);
    expect(recordOf(batch, "case_001")).toMatchObject({
      mayRetry: false,
      attempts: [{}],
      error: { exitCode: 4 },
    });
    writeSmallImage(image, 1);
    await runSmall(batch);
    expect(statesOf(batch)).toEqual(["done", "done", "done"]);
  });
});

test("a case that kills its process twice is given up with its signal, and the others are done", async () => {
  await withSmallBatch(4, async (batch) => {
    const hookModule = writeHook(
      batch.folder,
      `export function preProcessImage(image, { caseName }) {
        if (caseName === "case_001") process.kill(process.pid, "SIGKILL");
        return image;
      }`,
    );
    await runSmall(batch, { hookModule });
    expect(statesOf(batch)).toEqual(["done", "failed", "done", "done"]);
    const { error, attempts } = recordOf(batch, "case_001");
    expect(error).toMatchObject({ code: "WORKER_DIED", exitCode: 5 });
    expect(error.message).toContain("SIGKILL");
    expect(attempts).toHaveLength(2);
  });
});

test("a case whose process was killed once is done by another", async () => {
  await withSmallBatch(2, async (batch) => {
    const marker = join(batch.folder, "killed");
    const hookModule = writeHook(
      batch.folder,
      `import { existsSync, writeFileSync } from "node:fs";
      export function preProcessImage(image, { caseName }) {
        if (caseName === "case_000" && !existsSync(${JSON.stringify(marker)})) {
          writeFileSync(${JSON.stringify(marker)}, "");
          process.kill(process.pid, "SIGSEGV");
        }
        return image;
      }`,
    );
    await runSmall(batch, { hookModule });
    expect(statesOf(batch)).toEqual(["done", "done"]);
    expect(recordOf(batch, "case_000").attempts.map((one: { error: unknown }) => one.error)).toMatchObject([
      { code: "WORKER_DIED" },
      null,
    ]);
  });
});

test("too many failures end the run, and what is done stays done", async () => {
  await withSmallBatch(5, async (batch) => {
    for (const name of ["case_001", "case_002", "case_003"])
      writeFileSync(join(batch.imageDir, `${name}_0000.nii`), "not an image");
    await expect(runSmall(batch, { maxFailures: failureLimit("1") })).rejects.toMatchObject({
      code: "SOME_CASES_FAILED",
      message: expect.stringContaining("after 2 failures"),
    });
    expect(recordOf(batch, "case_000").state).toBe("done");
    expect(existsSync(join(batch.outputDir, "cases", "case_004.json"))).toBe(false);
  });
});

test("two shards compute all cases between them, and a shard that steals computes the rest alone", async () => {
  await withSmallBatch(5, async (batch) => {
    const { records } = await runSmall(batch, { shard: { index: 1, count: 2 } });
    expect(records.map((record) => record.case)).toEqual(["case_001", "case_003"]);
    const { records: rest } = await runSmall(batch, { shard: { index: 1, count: 2 }, steals: true });
    expect(rest).toHaveLength(5);
    expect(statesOf(batch)).toEqual(["done", "done", "done", "done", "done"]);
  });
});

test("another model, another setting or another manifest needs a folder of its own", async () => {
  await withSmallBatch(2, async (batch) => {
    await runSmall(batch);
    const settings = JSON.parse(readFileSync(join(batch.outputDir, "batch.json"), "utf8")).settings;
    const changed = { model: { settings: { ...settings, stepSize: 1 } } };
    await expect(runSmall(batch, changed)).rejects.toMatchObject({
      code: "BATCH_DIFFERS",
      message: expect.stringContaining("stepSize"),
    });
    const { records } = await runSmall(batch, { ...changed, other: "replace" });
    expect(records.map(({ state }) => state)).toEqual(["done", "done"]);
    writeFileSync(batch.manifestFile, readFileSync(batch.manifestFile, "utf8").split("\n")[0]!);
    await expect(runSmall(batch, changed)).rejects.toMatchObject({
      code: "BATCH_DIFFERS",
      message: expect.stringContaining("of 2 cases; this one has 1"),
    });
  });
});

test("a stop leaves no claim and no record, and the next run goes on", async () => {
  await withSmallBatch(6, async (batch) => {
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const running = runSmall(batch, { signal: stop.signal, onFinished: () => stop.abort(reason) });
    await expect(running).rejects.toBe(reason);
    expect(readdirSync(join(batch.outputDir, "claims"))).toEqual([]);
    expect(readdirSync(join(batch.outputDir, "cases")).length).toBeLessThan(6);
    await runSmall(batch);
    expect(new Set(statesOf(batch))).toEqual(new Set(["done"]));
  });
});

test("a run that may finish its cases does so before it ends", async () => {
  await withSmallBatch(3, async (batch) => {
    const stop = new AbortController();
    const running = runSmall(batch, {
      graceSeconds: 60,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.kind === "case-started") stop.abort(new Error("the node is needed"));
      },
    });
    await expect(running).rejects.toThrow("the node is needed");
    expect(readdirSync(join(batch.outputDir, "cases"))).toEqual(["case_000.json"]);
  });
});

test("a cancelled batch ends", async () => {
  await withSmallBatch(2, async (batch) => {
    await runSmall(batch, { shard: { index: 0, count: 2 } });
    writeFileSync(join(batch.outputDir, "cancelled"), "");
    await expect(runSmall(batch)).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

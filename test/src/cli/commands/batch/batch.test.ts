import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { main } from "../../../../../src/cli/main.js";
import { smallModel, withSmallBatch, writeSmallCase } from "../../../../support/batch/small-batch.js";
import { goldenPath } from "../../../../support/golden.js";
import { readExpected } from "../../../../support/model/nvidia-case.js";
import { scratchFolder } from "../../../../support/oci/oci-scratch.js";
import { runProcessor } from "../../../../support/programs/run-processor.js";
import { testTerminal } from "../../../../support/programs/test-terminal.js";

/** Runs a command in a folder, and returns its exit code with what it printed. */
async function run(folder: string, ...words: readonly string[]) {
  const terminal = testTerminal(folder);
  const code = await main(words, terminal);
  return { code, ...terminal.printed };
}

const runWords = ["batch", "run", "-m", smallModel, "--manifest", "cases.jsonl", "-o", "out"];

test("a folder of images is planned, computed with a trained model, and reported", async () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, "images"));
  for (const [i, name] of ["a", "b", "c"].entries()) writeSmallCase(join(folder, "images"), name, i);
  expect(await run(folder, "batch", "plan", "-i", "images")).toMatchObject({
    code: 0,
    out: "cases.jsonl: 3 cases\n",
  });
  expect(await run(folder, ...runWords, "--device", "cpu")).toMatchObject({ code: 0 });
  expect(await run(folder, "batch", "status", "-o", "out", "--write")).toMatchObject({
    code: 0,
    out: "3 of 3 done\n",
  });
  expect(readFileSync(join(folder, "out", "summary.csv"), "utf8").split("\n")).toHaveLength(5);

  // A damaged image: its case fails, and later succeeds.
  writeFileSync(join(folder, "images", "b_0000.nii"), "damaged");
  expect(await run(folder, "batch", "retry", "-o", "out", "--case", "b")).toMatchObject({ code: 0 });
  const failed = await run(folder, ...runWords);
  expect(failed).toMatchObject({ code: 6, out: expect.stringContaining("out: 2 done, 1 failed, on ") });
  expect(failed.err).toContain("1 of 3 cases failed: b");
  const status = await run(folder, "batch", "status", "-o", "out", "--json");
  expect(status.code).toBe(6);
  expect(JSON.parse(status.out)).toMatchObject({ done: 2, failed: 1, waiting: 0, running: 0 });
  writeSmallCase(join(folder, "images"), "b", 1);
  expect(await run(folder, ...runWords)).toMatchObject({ code: 0 });
});

test("a checkpoint of NVIDIA's nnU-Net is computed with what --nvidia says about it", async () => {
  const folder = scratchFolder();
  const model = goldenPath("nvidia", "ct_3d_dynunet_2022");
  const image = join(model, "input", "case.nii.gz");
  writeFileSync(join(folder, "cases.jsonl"), `${JSON.stringify({ case: "case", inputs: [image] })}\n`);
  const words = ["batch", "run", "-m", join(model, "model"), "--manifest", "cases.jsonl", "-o", "out"];
  expect(await run(folder, ...words)).toMatchObject({ err: expect.stringContaining("nvidia.ct") });
  const { ct } = readExpected("ct_3d_dynunet_2022").preprocess;
  writeFileSync(join(folder, "facts.json"), JSON.stringify({ ct }));
  const done = await run(folder, ...words, "--nvidia", "facts.json", "--device", "cpu");
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining("1 done") });
  expect(existsSync(join(folder, "out", "segmentations", "case.nii.gz"))).toBe(true);
});

test("planning does not replace a manifest unless it may", async () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, "images"));
  writeSmallCase(join(folder, "images"), "a", 0);
  writeFileSync(join(folder, "cases.jsonl"), "mine\n");
  expect(await run(folder, "batch", "plan", "-i", "images")).toMatchObject({ code: 2 });
  expect(readFileSync(join(folder, "cases.jsonl"), "utf8")).toBe("mine\n");
  expect(await run(folder, "batch", "plan", "-i", "images", "-o", "-")).toMatchObject({
    code: 0,
    out: '{"case":"a","inputs":["images/a_0000.nii","images/a_0001.nii"]}\n',
  });
});

test.each([
  { words: ["batch"], says: "<action> is missing" },
  { words: ["batch", "rnu"], says: "rnu: it takes" },
  { words: ["batch", "run", "-m", "x", "-o", "y"], says: "--manifest is missing" },
  { words: [...runWords, "--shard", "2/2"], says: "shards count from 0" },
  { words: [...runWords, "--gpus", "0", "--device", "cpu"], says: "cannot be used together" },
  { words: [...runWords, "--job", "2"], says: "did you mean --jobs?" },
  { words: ["batch", "status", "-o", "nowhere"], says: "BATCH_NOT_FOUND" },
])("$words is refused: $says", async ({ words, says }) => {
  const { code, err } = await run(scratchFolder(), ...words);
  expect(code).toBe(2);
  expect(err).toContain(says);
});

test("the help of each command names it as it is written", async () => {
  const { out } = await run(scratchFolder(), "batch", "run", "--help");
  expect(out).toMatch(/^build_processor batch run\n\ncompute the cases/);
  expect(out).not.toContain("batch-run");
  expect((await run(scratchFolder(), "help", "batch", "status")).out).toContain("--watch");
});

test("a manifest with mistakes is refused before the model is converted into the batch's folder", async () => {
  await withSmallBatch(1, async ({ folder, manifestFile }) => {
    writeFileSync(manifestFile, "{");
    expect(await run(folder, ...runWords)).toMatchObject({
      code: 2,
      err: expect.stringContaining("BATCH_MANIFEST_INVALID"),
    });
    expect(existsSync(join(folder, "out"))).toBe(false);
  });
});

test("computing an unknown case again names those that the batch has", async () => {
  await withSmallBatch(1, async ({ folder }) => {
    expect(await run(folder, ...runWords)).toMatchObject({ code: 0 });
    const retrying = (name: string) => run(folder, "batch", "retry", "-o", "out", "--case", name);
    expect((await retrying("x")).err).toContain("has no case x; it has case_000");
    expect((await retrying("case_00")).err).toContain("did you mean case_000?");
  });
});

test("a cancelled batch says so, and starting it again goes on", async () => {
  await withSmallBatch(1, async ({ folder }) => {
    expect(await run(folder, ...runWords)).toMatchObject({ code: 0 });
    expect(await run(folder, "batch", "cancel", "-o", "out")).toMatchObject({ code: 0 });
    expect((await run(folder, "batch", "status", "-o", "out")).out).toContain("cancelled");
    expect(await run(folder, ...runWords)).toMatchObject({ code: 0 });
    expect(existsSync(join(folder, "out", "cancelled"))).toBe(false);
  });
});

test("an image computes a batch with its own model, as a task of an array", async () => {
  await withSmallBatch(3, async ({ modelDir, manifestFile, outputDir }) => {
    const words = ["batch", "run", "--model-dir", modelDir, "--manifest", manifestFile, "-o", outputDir];
    const first = await runProcessor([...words, "--shards", "2"], {
      environment: { JOB_COMPLETION_INDEX: "1" },
    });
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.out).toContain("1 case done");
    rmSync(join(outputDir, "segmentations", "case_001.nii.gz"));
    expect(await runProcessor(words)).toMatchObject({ exitCode: 0 });
    expect(await runProcessor([...words, "--manfest", "x"])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("did you mean --manifest?"),
    });
  });
});

import { chmodSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import { describeWithEngine, removeImage, runContained } from "../support/docker/docker.js";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { needs, testWith } from "../support/needs.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";
import { outputOf } from "../support/program-on-path.js";
import { runProgram } from "../support/programs/run-program.js";

const timeout = 600_000;
const team = `testteam${process.pid}`;
const algorithm = `nnunet-processor-test/algorithm${process.pid}:1`;
const modelless = `nnunet-processor-test/modelless${process.pid}:1`;
const scan = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");
const expected = goldenPath("v2", "blobs_2d", "expected", "blob_010", "seg.nii.gz");

async function build(cwd: string, config: object, ...args: readonly string[]): Promise<void> {
  writeFileSync(join(cwd, "config.json"), JSON.stringify(config));
  const modelDir = goldenPath("v2", "blobs_2d", "model");
  const run = await runProgram(["--model-dir", modelDir, "--builder", "docker", ...args], { cwd });
  expect(run.exitCode, run.err).toBe(0);
}

/** Makes the folders that a host mounts. Only their owner may write into them, except into the output folder. */
function mounts(cwd: string): { readonly input: string; readonly output: string } {
  const [input, output] = [join(cwd, "in"), join(cwd, "out")];
  mkdirSync(input);
  mkdirSync(output);
  chmodSync(output, 0o777);
  return { input, output };
}

/** Checks the tolerance of the golden data. */
async function expectGolden(path: string): Promise<void> {
  const { differing, voxels } = await compareSegmentations(path, expected);
  expect(differing / voxels).toBeLessThanOrEqual(1e-4);
}

describeWithEngine("an image built for", () => {
  afterAll(async () => {
    await removeImage(algorithm);
    await removeImage(modelless);
    await removeImage(`${team}:latest`);
  });

  test("grand-challenge reads one socket and writes another, on a read-only root and without rights", {
    timeout,
  }, async () => {
    const cwd = scratchFolder();
    const config = { target: "grand-challenge", grand_challenge: { output: "organ", api_method: "exec" } };
    await build(cwd, config, "--tag", algorithm);
    const { input, output } = mounts(cwd);
    mkdirSync(join(input, "images", "ct"), { recursive: true });
    await writeImage(await readImage(scan), join(input, "images", "ct", "a.mha"));
    const run = await runContained(algorithm, { input, output });
    expect(run.exitCode, run.output).toBe(0);
    await expectGolden(join(output, "images", "organ", "a.mha"));
  });

  test("grand-challenge finds a model that was uploaded separately", { timeout }, async () => {
    const cwd = scratchFolder();
    const config = { target: "grand-challenge", grand_challenge: { output: "organ" } };
    await build(cwd, config, "--tag", modelless, "--model-tarball");
    const { input, output } = mounts(cwd);
    const model = join(cwd, "model");
    mkdirSync(model);
    await outputOf("tar", "-xzf", join(cwd, "model.tar.gz"), "-C", model);
    expect(readdirSync(model)).toContain("manifest.json");
    mkdirSync(join(input, "images", "ct"), { recursive: true });
    await writeImage(await readImage(scan), join(input, "images", "ct", "a.mha"));
    const command = ["/usr/local/bin/node", "/opt/nnunet-processor/processor/runtime/main.js", "exec"];
    const without = await runContained(modelless, { input, output, command });
    expect(without.output).toMatch(/MODEL_NOT_FOUND: \/opt\/ml\/model/);
    const binds = [`${model}:/opt/ml/model:ro`];
    const run = await runContained(modelless, { input, output, command, binds });
    expect(run.exitCode, run.output).toBe(0);
    await expectGolden(join(output, "images", "organ", "a.mha"));
  });

  testWith(
    [needs.apt],
    "AMOS22 runs `python run_inference.py`, which writes nothing but its log",
    { timeout },
    async () => {
      const cwd = scratchFolder();
      await build(cwd, { target: "amos22", amos22: { team } }, "--export");
      expect(readdirSync(cwd)).toContain(`${team}-task1.tar.gz`);
      const { input, output } = mounts(cwd);
      copyFileSync(scan, join(input, "any name.nii.gz"));
      const command = ["python", "run_inference.py"];
      const run = await runContained(team, { input, output, command });
      expect(run.exitCode, run.output).toBe(0);
      expect(run.output).not.toMatch(/could not|warning/i);
      await expectGolden(join(output, "any name.nii.gz"));
    },
  );
});

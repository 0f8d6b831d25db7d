import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { indexFinder } from "../../src/base-image/python-index.js";
import { findOrBuildBaseImage } from "../../src/build/build-base-image.js";
import { cacheFolder } from "../../src/model-source/cache-folder.js";
import { describeWithEngine, removeImage, runContained, testEngine } from "../support/docker/docker.js";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { needs, testWith } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";
import { smallBase } from "../support/oci/small-base.js";
import { startRegistry } from "../support/oci/test-registry.js";
import { outputOf } from "../support/program-on-path.js";
import { runProgram } from "../support/programs/run-program.js";

interface Report {
  readonly manifestDigest: string;
  readonly archive: { readonly path: string; readonly sha256: string } | null;
  readonly pushed: { readonly sentBytes: number; readonly blobsThere: number } | null;
}

const model = "blobs_3d_fullres";
const common = ["--model-dir", goldenPath("v2", model, "model"), "--builder", "embedded", "--json"];

async function build(cwd: string, ...args: readonly string[]): Promise<Report> {
  const run = await runProgram([...common, ...args], {
    cwd,
    environment: { XDG_CACHE_HOME: join(cwd, "cache") },
  });
  expect(run.exitCode, run.err).toBe(0);
  return JSON.parse(run.out) as Report;
}

test("two builds without an engine, in two folders with two caches, give one archive", {
  timeout: 600_000,
}, async () => {
  const archives = [];
  for (const cwd of [scratchFolder(), scratchFolder()]) {
    const { archive } = await build(
      cwd,
      "--tag",
      "team/blobs:1",
      "--export",
      "--base-image",
      await smallBase(cwd),
    );
    archives.push(archive?.sha256);
    expect(readdirSync(cwd).toSorted()).toContain("team-blobs-1.tar.gz");
  }
  expect(archives[1]).toBe(archives[0]);
});

testWith(
  [needs.registry],
  "a build is pushed, and under another tag only what that changes is sent",
  { timeout: 600_000 },
  async () => {
    const cwd = scratchFolder();
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    const flags = ["--push", "--base-image", await smallBase(cwd)];
    const first = await build(cwd, "--tag", `${host}/team/blobs:1`, ...flags);
    const second = await build(cwd, "--tag", `${host}/team/blobs:2`, ...flags);
    expect(second.manifestDigest).not.toBe(first.manifestDigest);
    expect(second.pushed!.sentBytes).toBeLessThan(first.pushed!.sentBytes / 2);
  },
);

test("an embedded build that would keep nothing is refused before it starts", async () => {
  const cwd = scratchFolder();
  const run = await runProgram([...common, "--base-image", "oci:nowhere"], { cwd });
  expect(run).toMatchObject({ exitCode: 2, err: expect.stringContaining("USAGE") });
});

describeWithEngine("an image that was built without an engine", () => {
  test("gives nnU-Net's answer when an engine loads it", { timeout: 600_000 }, async () => {
    const cwd = scratchFolder();
    const { imageName: base } = await findOrBuildBaseImage({
      engine: testEngine(),
      variant: "cpu",
      gpuArchitectures: [],
      leftOut: [],
      findIndex: indexFinder(process.env, neverStopped()),
      cacheFolder: cacheFolder(process.env),
      progress: silentProgress,
      signal: neverStopped(),
    });
    await outputOf("docker", "save", "-o", join(cwd, "base.tar"), base);
    const imageName = "nnunet-processor-oci-test/blobs:1";
    onTestFinished(() => removeImage(imageName));
    const config = {
      use_test_time_augmentations: true,
      overlay_destination: "images",
      allowed_extensions: ["nii.gz"],
      output_extension: "nii.gz",
    };
    writeFileSync(join(cwd, "config.json"), JSON.stringify(config));
    const { archive } = await build(
      cwd,
      "--tag",
      imageName,
      "--export",
      "--base-image",
      `docker-archive:${cwd}/base.tar`,
    );
    await outputOf("docker", "load", "-q", "-i", archive!.path);
    const output = join(cwd, "output");
    mkdirSync(output);
    chmodSync(output, 0o777);
    const run = await runContained(imageName, { input: goldenPath("v2", model, "input"), output });
    expect(run.exitCode, run.output).toBe(0);
    const expected = goldenPath("v2", model, "expected", "blob_010", "seg_tta.nii.gz");
    const found = join(output, "images", "blob_010_0000.nii.gz");
    const { voxels, differing } = await compareSegmentations(found, expected);
    // The tolerance is the same as for an image that Docker built.
    expect(differing).toBeLessThanOrEqual(voxels / 10_000);
  });
});

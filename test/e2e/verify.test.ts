import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { VerifyReport } from "../../src/build/verify-report.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker/docker.js";
import { goldenPath } from "../support/golden.js";
import { needs, testWith } from "../support/needs.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";
import { smallBase } from "../support/oci/small-base.js";
import { startRegistry } from "../support/oci/test-registry.js";
import { outputOf } from "../support/program-on-path.js";
import { type ProgramRun, runProgram } from "../support/programs/run-program.js";

const timeout = 600_000;
const archive = "team-blobs-1.tar.gz";
const model = goldenPath("v2", "blobs_3d_fullres", "model");

interface Built {
  readonly cwd: string;
  readonly inputs: readonly string[];
  readonly run: (...args: readonly string[]) => Promise<ProgramRun>;
}

/** Builds an archive whose creation time is in 2023. */
async function builtArchive(format: "tar" | "tar.gz" = "tar.gz"): Promise<Built> {
  const cwd = scratchFolder();
  const inputs = ["--model-dir", model, "--base-image", await smallBase(cwd), "--json"];
  const run = (...args: readonly string[]) =>
    runProgram(args, {
      cwd,
      environment: { XDG_CACHE_HOME: join(cwd, "cache"), DOCKER_HOST: "tcp://127.0.0.1:9" },
    });
  const build = await runProgram(
    ["--tag", "team/blobs:1", "--export", "--export-format", format, "--no-attest", ...inputs],
    {
      cwd,
      environment: {
        XDG_CACHE_HOME: join(cwd, "cache"),
        DOCKER_HOST: "tcp://127.0.0.1:9",
        SOURCE_DATE_EPOCH: "1700000000",
      },
    },
  );
  expect(build.exitCode, build.err).toBe(0);
  return { cwd, inputs, run };
}

const reportOf = ({ out }: ProgramRun): VerifyReport => JSON.parse(out) as VerifyReport;
const differing = (report: VerifyReport) => report.layers.filter(({ isSame }) => !isSame);

describe("build_processor verify", () => {
  test("finds that an archive is the same on another day, on a machine without its cache", {
    timeout,
  }, async () => {
    const { cwd, inputs, run } = await builtArchive();
    rmSync(join(cwd, "cache"), { recursive: true });
    const verified = await run("verify", archive, ...inputs);
    expect(verified.exitCode, verified.err).toBe(0);
    const report = reportOf(verified);
    expect(report).toMatchObject({ isSame: true, settings: [], rebuiltDigest: report.foundDigest });
    expect(differing(report)).toEqual([]);
  });

  test("names the layer, the file and the setting that differ", { timeout }, async () => {
    const { cwd, inputs, run } = await builtArchive();
    writeFileSync(join(cwd, "config.json"), '{"use_test_time_augmentations": true}');
    const verified = await run("verify", archive, ...inputs);
    expect(verified.exitCode).toBe(5);
    expect(verified.err).toContain("IMAGE_DIFFERS");
    const [layer, ...others] = differing(reportOf(verified));
    expect(others).toEqual([]);
    expect(layer).toMatchObject({
      name: "manifest",
      files: [{ path: "opt/nnunet-processor/model/manifest.json", difference: "other content" }],
    });
  });

  test("notices the weights of another model", { timeout }, async () => {
    const { cwd, inputs, run } = await builtArchive();
    writeFileSync(join(cwd, "config.json"), '{"folds": [0]}');
    const verified = await run("verify", archive, ...inputs);
    expect(verified.exitCode).toBe(5);
    expect(differing(reportOf(verified)).flatMap(({ files }) => files.map(({ path }) => path))).toContain(
      "opt/nnunet-processor/model/fold_1.weights",
    );
  });

  testWith([needs.registry], "says that a registry has no such image", { timeout }, async () => {
    const cwd = scratchFolder();
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    const verified = await runProgram(["verify", `${host}/team/none:1`, "--model-dir", model], { cwd });
    expect(verified.exitCode).toBe(4);
    expect(verified.err).toContain(`INPUT_NOT_FOUND: ${host}/team/none:1 is not a file`);
  });

  testWith([needs.registry, needs.skopeo], "compares an image in a registry", { timeout }, async () => {
    const { cwd, inputs, run } = await builtArchive("tar");
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    const image = `${host}/team/blobs:1`;
    const source = `docker-archive:${join(cwd, archive.replace(/\.gz$/, ""))}`;
    await outputOf("skopeo", "copy", "-q", "--dest-tls-verify=false", source, `docker://${image}`);
    const verified = await run("verify", image, ...inputs);
    expect(verified.exitCode, verified.err).toBe(0);
    expect(verified.err).toMatch(/no Docker engine answers at .*looking for .* in its registry/);
  });
});

describeWithEngine("an image that a build has left in Docker", () => {
  test("is the same if it is built from another folder with another cache, and verify finds no difference", {
    timeout,
  }, async () => {
    const imageName = "nnunet-processor-test/reproducible:1";
    onTestFinished(() => removeImage(imageName));
    const ids: string[] = [];
    for (const isLast of [false, true]) {
      const cwd = scratchFolder();
      const environment = { XDG_CACHE_HOME: join(cwd, "cache") };
      const inputs = ["--model-dir", model, "--base-image", await smallBase(cwd), "--json"];
      const build = await runProgram(["--tag", imageName, ...inputs], { cwd, environment });
      expect(build.exitCode, build.err).toBe(0);
      const { Id } = await testEngine().docker.getImage(imageName).inspect();
      expect(JSON.parse(build.out)).toMatchObject({ imageId: Id, engine: testEngine().description });
      ids.push(Id);
      if (!isLast) continue;
      const verified = await runProgram(["verify", imageName, ...inputs], { cwd, environment });
      expect(verified.exitCode, verified.err).toBe(0);
      expect(reportOf(verified)).toMatchObject({ isSame: true, foundDigest: Id });
    }
    expect(ids[1]).toBe(ids[0]);
  });
});

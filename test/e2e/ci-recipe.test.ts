import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import got from "got";
import { expect, onTestFinished, test } from "vitest";
import { describeWithEngine, removeImage } from "../support/docker/docker.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { describeWith, needs, testWith } from "../support/needs.js";
import { startRegistry } from "../support/oci/test-registry.js";

const execute = promisify(execFile);

// The recipe builds twice and runs images four times.
const timeout = 600_000;

describeWith([needs.registry], "the CI recipe", () => {
  describeWithEngine("for a repository of two models", () => {
    test("pushes the model that gives the expected segmentation, does not push the other one, and says which is which", {
      timeout,
    }, async () => {
      const cwd = mkdtempSync(join(tmpdir(), "ci-"));
      onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
      addModel(join(cwd, "models", "good"), "seg.nii.gz");
      addModel(join(cwd, "models", "wrong"), null);
      const { host } = await startRegistry({ folder: join(cwd, "registry") });
      for (const name of ["good", "wrong"]) onTestFinished(() => removeImage(`${host}/team/${name}:v1`));
      const run = execute(join(repositoryRoot, "examples", "ci", "build-models.sh"), {
        cwd,
        env: {
          ...process.env,
          ...{ REGISTRY: `${host}/team`, VERSION: "v1", TARGET: "plain", MEMORY: "4g" },
          SIGN_KEY: join(repositoryRoot, "test", "fixtures", "keys", "cosign.key"),
          COSIGN_PASSWORD: "test",
          BUILD_PROCESSOR: `${process.execPath} ${join(repositoryRoot, "dist", "build_processor.js")}`,
        },
      });
      await expect(run).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/wrong: simulate failed\nfailed: models\/wrong\n$/),
        stdout: expect.stringMatching(/^fail +expected/m),
      });
      const { repositories } = await got(`http://${host}/v2/_catalog`).json<{ repositories: string[] }>();
      expect(repositories).toEqual(["team/good"]);
      const manifest = await got(`http://${host}/v2/team/good/manifests/v1`, {
        headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
      });
      const digest = String(manifest.headers["docker-content-digest"]);
      const { stdout } = await run.catch((error: { readonly stdout: string }) => error);
      expect(stdout.split("\n")).toContain(`good: ${host}/team/good@${digest}`);
      const { tags } = await got(`http://${host}/v2/team/good/tags/list`).json<{ tags: string[] }>();
      const named = digest.replace(":", "-");
      expect(tags).toEqual(expect.arrayContaining([named, `${named}.sig`, "v1"]));
    });
  });
});

testWith(
  [needs.bash],
  "the CI recipe refuses a name that is not a folder before it builds the others",
  async () => {
    const cwd = mkdtempSync(join(tmpdir(), "ci-"));
    onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
    addModel(join(cwd, "models", "good"), "seg.nii.gz");
    const words = ["models/good", "models/typo"];
    const run = execute(join(repositoryRoot, "examples", "ci", "build-models.sh"), words, {
      cwd,
      env: { ...process.env, VERSION: "v1" },
    });
    await expect(run).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^models\/typo is not a folder/),
    });
    expect(existsSync(join(cwd, "reports"))).toBe(false);
  },
);

/** @param expected the right segmentation; null for a wrong one */
function addModel(folder: string, expected: string | null): void {
  const golden = goldenPath("v2", "blobs_2d");
  for (const name of ["cases", "expected"]) mkdirSync(join(folder, name), { recursive: true });
  cpSync(join(golden, "model"), join(folder, "model"), { recursive: true });
  const image = join(golden, "input", "blob_010_0000.nii.gz");
  cpSync(image, join(folder, "cases", "blob_010_0000.nii.gz"));
  cpSync(
    expected === null ? image : join(golden, "expected", "blob_010", expected),
    join(folder, "expected", "blob_010.nii.gz"),
  );
  writeFileSync(join(folder, "config.json"), JSON.stringify({ allowed_extensions: ["nii.gz"] }));
}

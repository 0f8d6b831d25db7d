import { readFileSync } from "node:fs";
import { join } from "node:path";
import got from "got";
import { expect, onTestFinished, test } from "vitest";
import { describeWithEngine, removeImage } from "../support/docker/docker.js";
import { goldenPath } from "../support/golden.js";
import { describeWith, needs } from "../support/needs.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";
import { startRegistry } from "../support/oci/test-registry.js";
import { runProgram } from "../support/programs/run-program.js";

const timeout = 600_000;

describeWith([needs.registry], "build_processor base-image --push", () => {
  describeWithEngine("with an engine and a registry", () => {
    test("pushes the base image, reports its digest, and locks that digest for builds on it", {
      timeout,
    }, async () => {
      const cwd = scratchFolder();
      const { host } = await startRegistry({ folder: join(cwd, "registry") });
      const imageName = `${host}/team/base:1`;
      onTestFinished(() => removeImage(imageName));
      const pushed = await runProgram(
        ["base-image", "--debian-root", "packages", "--tag", imageName, "--push", "--json"],
        { cwd },
      );
      expect(pushed.exitCode, pushed.err).toBe(0);
      const { pinnedName } = JSON.parse(pushed.out) as { readonly pinnedName: string };
      const manifest = await got.head(`http://${host}/v2/team/base/manifests/1`, {
        headers: {
          accept:
            "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
        },
      });
      const digest = String(manifest.headers["docker-content-digest"]);
      expect(pinnedName).toBe(`${host}/team/base@${digest}`);
      const lock = JSON.parse(readFileSync(join(cwd, "processor.lock.json"), "utf8")) as object;
      expect(lock).toMatchObject({ baseImages: { [imageName]: digest } });

      const build = ["--model-dir", goldenPath("v2", "blobs_2d", "model"), "--base-image", imageName];
      const built = await runProgram(
        [...build, "--tag", `${host}/team/blobs:1`, "--builder", "embedded", "--push", "--no-attest"],
        { cwd },
      );
      expect(built.exitCode, built.err).toBe(0);
    });
  });

  test("asks for a name with a registry before it starts", async () => {
    const run = await runProgram(["base-image", "--push"], { cwd: scratchFolder() });
    expect(run.exitCode).toBe(2);
    expect(run.err).toMatch(/--push needs --tag with a name in the registry/);
  });
});

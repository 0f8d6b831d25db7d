import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { describeWithEngine, removeImage } from "../support/docker/docker.js";
import { goldenPath } from "../support/golden.js";
import { describeWith, needs, testWith } from "../support/needs.js";
import { selfSignedCertificate } from "../support/network/self-signed-certificate.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";
import { smallBase } from "../support/oci/small-base.js";
import { startRegistry } from "../support/oci/test-registry.js";
import { outputOf } from "../support/program-on-path.js";
import { runProgram } from "../support/programs/run-program.js";

/** The user `ann` with the password `secret`, hashed with bcrypt. */
const htpasswd = "ann:$2b$04$hWjAXGdbS2TJO6bS42ceX.zOLr2T/rdYXb2TLDMGC/UeGKc7n1Y/q";
const timeout = 1_200_000;
const common = ["--model-dir", goldenPath("v2", "blobs_3d_fullres", "model"), "--json"];

interface Scratch {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** `oci:<folder>` */
  readonly base: string;
}

async function scratchWithBase(env: Readonly<Record<string, string>> = {}): Promise<Scratch> {
  const cwd = scratchFolder();
  const base = await smallBase(cwd, env);
  const environment = { XDG_CACHE_HOME: join(cwd, "cache"), DOCKER_CONFIG: cwd };
  return { cwd, environment, base };
}

describeWith([needs.registry], "--registry-username", () => {
  test("pushes with the password from the standard input or the environment", { timeout }, async () => {
    const { cwd, environment, base } = await scratchWithBase();
    const { host } = await startRegistry({ folder: join(cwd, "registry"), htpasswd });
    const flags = [
      ...common,
      "--builder",
      "embedded",
      "--base-image",
      base,
      "--push",
      "--registry-username",
      "ann",
    ];
    const byStdin = await runProgram(
      [...flags, "--tag", `${host}/team/blobs:1`, "--registry-password-stdin"],
      {
        cwd,
        environment,
        stdin: "secret\n",
      },
    );
    expect(byStdin.exitCode, byStdin.err).toBe(0);
    const byVariable = await runProgram([...flags, "--tag", `${host}/team/blobs:2`], {
      cwd,
      environment: { ...environment, BUILD_PROCESSOR_REGISTRY_PASSWORD: "secret" },
    });
    expect(byVariable.exitCode, byVariable.err).toBe(0);
    const without = await runProgram([...flags, "--tag", `${host}/team/blobs:3`], { cwd, environment });
    expect(without).toMatchObject({ exitCode: 2, err: expect.stringContaining("--registry-password-stdin") });
    expect(byStdin.err + byVariable.err).not.toContain("secret");
  });
});

describeWith([needs.registry], "--registry-ca", () => {
  test("makes the program trust the registry's own authority, which nothing else does", {
    timeout,
  }, async () => {
    const { cwd, environment, base } = await scratchWithBase();
    const tls = selfSignedCertificate(["localhost"]);
    const registry = await startRegistry({ folder: join(cwd, "registry"), tls });
    const image = `${registry.host.replace("127.0.0.1", "localhost")}/team/blobs:1`;
    writeFileSync(join(cwd, "ca.pem"), tls.cert);
    writeFileSync(join(cwd, "other.pem"), selfSignedCertificate(["localhost"]).cert);
    const flags = [...common, "--builder", "embedded", "--base-image", base, "--push", "--tag", image];
    const trusted = await runProgram([...flags, "--registry-ca", "ca.pem"], { cwd, environment });
    expect(trusted.exitCode, trusted.err).toBe(0);
    const misread = await runProgram([...flags, "--registry-ca", "base/index.json"], { cwd, environment });
    expect(misread).toMatchObject({ exitCode: 2, err: expect.stringContaining("no PEM certificate") });
  });
});

describeWith([needs.registry], "a base image in a registry", () => {
  test("is locked at the first build, and refused later if its tag has moved", { timeout }, async () => {
    const first = await scratchWithBase();
    const moved = await scratchWithBase({ MOVED: "yes" });
    const { cwd, environment } = first;
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    const base = `${host}/library/base:1`;
    const publish = (layout: string) =>
      outputOf("skopeo", "copy", "--dest-tls-verify=false", layout, `docker://${base}`);
    const flags = [...common, "--builder", "embedded", "--export", "--base-image"];
    const build = (tag: string, baseImage: string) =>
      runProgram([...flags, baseImage, "--tag", tag], { cwd, environment });

    await publish(first.base);
    expect((await build("team/blobs:1", base)).exitCode).toBe(0);
    const lock = JSON.parse(readFileSync(join(cwd, "processor.lock.json"), "utf8")) as {
      readonly baseImages: Readonly<Record<string, string>>;
    };
    const digest = lock.baseImages[base]!;
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await build("team/blobs:2", base)).exitCode).toBe(0);

    await publish(moved.base);
    const refused = await build("team/blobs:3", base);
    expect(refused.exitCode).toBe(5);
    expect(refused.err).toContain("BASE_IMAGE_CHANGED");
    expect(refused.err).toContain(digest);
    expect(refused.err).toContain("processor.lock.json");
    expect((await build("team/blobs:4", `${host}/library/base@${digest}`)).exitCode).toBe(0);
  });
});

describeWithEngine("an image that Docker built", () => {
  testWith(
    [needs.registry],
    "is pushed by this program, byte for byte the engine's own, and sent once",
    { timeout },
    async () => {
      const cwd = scratchFolder();
      const { host } = await startRegistry({ folder: join(cwd, "registry") });
      const imageName = `${host}/team/blobs:1`;
      onTestFinished(() => removeImage(imageName));
      // No other test has Docker build this model: if two builds make a layer at once, Docker's cache keeps only one.
      const modelDir = goldenPath("v2", "photos_2d", "model");
      const flags = ["--model-dir", modelDir, "--json", "--builder", "docker", "--push", "--tag", imageName];
      const environment = { SOURCE_DATE_EPOCH: "1700000000" };
      const first = await runProgram(flags, { cwd, environment });
      expect(first.exitCode, first.err).toBe(0);
      const report = JSON.parse(first.out) as {
        readonly imageId: string;
        readonly pushed: { readonly configDigest: string; readonly manifestDigest: string };
      };
      const manifest = JSON.parse(
        await outputOf("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${imageName}`),
      ) as { readonly config: { readonly digest: string } };
      // In Docker's classic store, the id of an image is the digest of its configuration.
      expect(manifest.config.digest).toBe(report.imageId);
      const second = await runProgram(flags, { cwd, environment });
      expect(
        (JSON.parse(second.out) as { readonly pushed: { readonly sentBytes: number } }).pushed.sentBytes,
      ).toBe(0);
      await outputOf("docker", "rmi", "-f", imageName);
      await outputOf("docker", "pull", "-q", imageName);
    },
  );
});

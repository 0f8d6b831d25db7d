import { createHash } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { targetKinds } from "../../../processor/contract/target.js";
import type { Finding } from "../../../src/ground/finding.js";
import { tarEnd, tarHeader, tarPadding } from "../../../src/oci/tar-header.js";
import { writeDockerArchive } from "../../../src/oci/write-image.js";
import { type PreflightOptions, preflight } from "../../../src/targets/preflight/preflight.js";
import { packFiles } from "../../support/archive/tar-folder.js";
import { needs, testWith } from "../../support/needs.js";
import { neverStopped } from "../../support/never-stopped.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../../support/oci/oci-scratch.js";
import { testPlan } from "../../support/oci/test-plan.js";
import { outputOf } from "../../support/program-on-path.js";

async function exported(scratch: string, name: string, changes: Parameters<typeof testPlan>[0] = {}) {
  const archive = await smallRootFileSystem(scratch);
  const plan = testPlan({ base: { kind: "root-file-system", archive }, ...changes });
  const image = await assemble(plan, join(scratch, "cache"));
  return await writeDockerArchive({
    image,
    path: join(scratch, name),
    progress: silentProgress,
    signal: neverStopped(),
  });
}

const lookAt = (image: string, more: Partial<PreflightOptions> = {}) =>
  preflight({ image, target: "grand-challenge", environment: process.env, signal: neverStopped(), ...more });

const failed = (findings: readonly Finding[]) =>
  findings.filter(({ result }) => result === "fail").map(({ check }) => check);

describe("preflight", () => {
  test.each(["image.tar", "image.tar.gz"])("accepts %s as the embedded builder writes it", async (name) => {
    const { path, configDigest } = await exported(scratchFolder(), name);
    const report = await lookAt(path);
    expect(failed(report.findings)).toEqual([]);
    expect(report).toMatchObject({ isAccepted: true, configDigest });
  });

  testWith([needs.xz], "accepts .tar.xz", async () => {
    const { path } = await exported(scratchFolder(), "image.tar");
    await outputOf("xz", "-1", path);
    expect((await lookAt(`${path}.xz`)).isAccepted).toBe(true);
  });

  test("warns about an image that was built for another platform than the one to check", async () => {
    const labels = { "org.nnunet-processor.target": "plain" };
    const { path } = await exported(scratchFolder(), "image.tar", { labels });
    const { findings, isAccepted } = await lookAt(path);
    expect(isAccepted).toBe(true);
    expect(findings.at(-1)).toMatchObject({
      ...{ check: "target", result: "warning" },
      reason: "the image was built for plain, not for grand-challenge",
    });
    expect((await lookAt(path, { target: "plain" })).findings.map(({ check }) => check)).not.toContain(
      "target",
    );
  });

  test.each(["", "root", "ROOT", "0", "0:1000", "root:root"])('refuses the user "%s"', async (user) => {
    const { path } = await exported(scratchFolder(), "image.tar", { user });
    expect(failed((await lookAt(path)).findings)).toEqual(["user"]);
  });

  test("knows the two ways in which a case can be asked for", async () => {
    for (const [method, result] of [
      ["exec", []],
      ["invoke", []],
      ["call", ["api-method"]],
    ] as const) {
      const labels = { "org.grand-challenge.api-method": method };
      const { path } = await exported(scratchFolder(), "image.tar", { labels });
      expect(failed((await lookAt(path)).findings)).toEqual(result);
    }
  });

  test("refuses an image that was uploaded before", async () => {
    const { path, configDigest } = await exported(scratchFolder(), "image.tar");
    const { findings } = await lookAt(path, { uploadedDigests: [configDigest] });
    expect(failed(findings)).toEqual(["new-image"]);
  });

  test.each(["image.tar", "image.tar.gz"])(
    "refuses %s that was cut off, and reports the other checks as not made",
    async (name) => {
      const scratch = scratchFolder();
      const { path } = await exported(scratch, name);
      await outputOf("truncate", "-s", "-20000", path);
      const { isAccepted, findings } = await lookAt(path);
      expect(isAccepted).toBe(false);
      expect(failed(findings)).toContain("tar");
    },
  );

  test("refuses another extension", async () => {
    const { path } = await exported(scratchFolder(), "image.tgz");
    expect(failed((await lookAt(path)).findings)).toEqual(["extension"]);
  });

  const hex = "a".repeat(64);
  const entry = { Config: `${hex}.json`, RepoTags: ["a:1"], Layers: ["one.tar", "two.tar.gz"] };
  const files = (manifest: unknown, name = "manifest.json"): Record<string, string | Buffer> => ({
    [name]: JSON.stringify(manifest),
    [`${hex}.json`]: JSON.stringify({ architecture: "arm64", config: { User: "1000" } }),
    "one.tar": Buffer.alloc(1024),
    "two.tar.gz": Buffer.from([0x1f, 0x8b, 8]),
  });

  test.each([
    ["a ./ before the name", files([entry], "./manifest.json"), "manifest"],
    ["a manifest that is not a list", files(entry), "manifest"],
    ["two images", files([entry, entry]), "single-image"],
    ["a small c", files([{ config: `${hex}.json`, RepoTags: [], Layers: [] }]), "manifest-keys"],
    ["a configuration with another name", files([{ ...entry, Config: "config.json" }]), "config-name"],
    ["a configuration that was edited", files([entry]), "config-name"],
    ["another architecture", files([entry]), "architecture"],
    ["layers of two compressions", files([entry]), "layer-compression"],
    ["a layer that is missing", files([{ ...entry, Layers: ["three.tar"] }]), "layer-compression"],
  ])("refuses %s", async (_, contents, check) => {
    const archive = join(scratchFolder(), "image.tar");
    await writeFile(archive, tarOf(contents));
    const { findings, isAccepted } = await lookAt(archive);
    expect(isAccepted).toBe(false);
    const finding = findings.find((candidate) => candidate.check === check);
    expect(finding).toMatchObject({ result: "fail", remedy: expect.stringMatching(/\.$/) });
  });
});

test.each(targetKinds)(
  "preflight for %s shows values that are not texts instead of failing on them",
  async (target) => {
    // JSON.parse makes objects of this kind, of which JavaScript cannot make a text.
    const odd = { toString: 1, valueOf: 1 };
    const config = JSON.stringify({
      architecture: odd,
      config: { User: odd, Entrypoint: [odd], Labels: { "org.grand-challenge.api-method": odd } },
    });
    const name = `${createHash("sha256").update(config).digest("hex")}.json`;
    const manifest = JSON.stringify([{ Config: name, RepoTags: [odd], Layers: [odd] }]);
    const archive = join(scratchFolder(), "image.tar");
    await writeFile(archive, tarOf({ "manifest.json": manifest, [name]: config }));
    const { isAccepted, findings } = await lookAt(archive, { target });
    expect(isAccepted).toBe(false);
    expect(JSON.stringify(findings)).toContain("toString");
  },
);

test("preflight finds a repeated layer that an older engine saved as a link", async () => {
  const folder = scratchFolder();
  await mkdir(join(folder, "a"));
  await mkdir(join(folder, "b"));
  await writeFile(join(folder, "a", "layer.tar"), Buffer.alloc(1024));
  await symlink("../a/layer.tar", join(folder, "b", "layer.tar"));
  const manifest = [{ Config: "c.json", RepoTags: ["x:1"], Layers: ["a/layer.tar", "b/layer.tar"] }];
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  const archive = join(scratchFolder(), "image.tar");
  await packFiles(folder, archive, ["manifest.json", "b", "a"]);
  const { findings } = await lookAt(archive);
  const finding = findings.find(({ check }) => check === "layer-compression");
  expect(finding).toMatchObject({ result: "pass" });
});

describe("preflight for AMOS22", () => {
  const checksOf = async (name: string, changes: Parameters<typeof testPlan>[0]) => {
    const { path } = await exported(scratchFolder(), name, changes);
    return failed((await lookAt(path, { target: "amos22" })).findings);
  };

  test("accepts a team's archive", async () => {
    expect(await checksOf("myteam-task1.tar.gz", { imageName: "myteam:latest", entrypoint: [] })).toEqual([]);
  });

  test("wants the team's name on the archive and on the image", async () => {
    const plan = { imageName: "myteam:latest", entrypoint: [] };
    expect(await checksOf("myteam.tar.gz", plan)).toEqual(["archive-name"]);
    expect(await checksOf("other-task2.tar.gz", plan)).toEqual(["team-name"]);
    expect(await checksOf("my-team-task1.tar.gz", { ...plan, imageName: "my-team:1" })).toEqual([
      "archive-name",
      "team-name",
    ]);
  });

  test("is content with any user", async () => {
    expect(await checksOf("t-task1.tar.gz", { imageName: "t:latest", user: "root" })).toEqual([]);
  });
});

describe("preflight for a plain host", () => {
  test("asks only what docker load needs", async () => {
    const { path } = await exported(scratchFolder(), "image.tar", { user: "root" });
    for (const target of ["plain", "sol"] as const)
      expect((await lookAt(path, { target })).isAccepted).toBe(true);
    await outputOf("truncate", "-s", "-20000", path);
    expect(failed((await lookAt(path, { target: "plain" })).findings)).toContain("tar");
  });
});

test.each(["no-such.tar.gz", "./no-such", "/no/such:1"])(
  "preflight says that %s does not exist, without asking an engine",
  async (image) => {
    const refused = lookAt(image, { environment: { DOCKER_HOST: "tcp://127.0.0.1:1" } });
    await expect(refused).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  },
);

function tarOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const time = new Date(0);
  const parts = Object.entries(files).flatMap(([path, content]) => {
    const bytes = Buffer.from(content as string);
    const header = tarHeader({ path, kind: "file", mode: 0o644, sizeBytes: bytes.length, time });
    return [header, bytes, tarPadding(bytes.length)];
  });
  return Buffer.concat([...parts, tarEnd()]);
}

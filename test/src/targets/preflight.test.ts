import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/progress/progress.js";
import { tarEnd, tarHeader, tarPadding } from "../../../src/image/oci/tar-header.js";
import { writeDockerArchive } from "../../../src/image/oci/write-image.js";
import { type Finding, preflight } from "../../../src/targets/preflight.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../../support/oci-scratch.js";
import { hasProgram, outputOf } from "../../support/program-on-path.js";
import { testPlan } from "../../support/test-plan.js";

async function exported(scratch: string, name: string, changes: Parameters<typeof testPlan>[0] = {}) {
  const archive = await smallRootFileSystem(scratch);
  const plan = testPlan({ base: { kind: "root-file-system", archive }, ...changes });
  const image = await assemble(plan, join(scratch, "cache"));
  return await writeDockerArchive({ image, path: join(scratch, name), progress: silentProgress });
}

const failed = (findings: readonly Finding[]) =>
  findings.filter(({ result }) => result === "fail").map(({ check }) => check);

describe("preflight", () => {
  test.each(["image.tar", "image.tar.gz"])("accepts %s as the embedded builder writes it", async (name) => {
    const { path, configDigest } = await exported(scratchFolder(), name);
    const report = await preflight({ archive: path });
    expect(failed(report.findings)).toEqual([]);
    expect(report).toMatchObject({ isAccepted: true, configDigest });
  });

  test.skipIf(!hasProgram("xz"))("accepts .tar.xz", async () => {
    const { path } = await exported(scratchFolder(), "image.tar");
    await outputOf("xz", "-1", path);
    expect((await preflight({ archive: `${path}.xz` })).isAccepted).toBe(true);
  });

  test.each(["", "root", "ROOT", "0", "0:1000", "root:root"])('refuses the user "%s"', async (user) => {
    const { path } = await exported(scratchFolder(), "image.tar", { user });
    expect(failed((await preflight({ archive: path })).findings)).toEqual(["user"]);
  });

  test("knows the two ways in which a case can be asked for", async () => {
    for (const [method, result] of [
      ["exec", []],
      ["invoke", []],
      ["call", ["api-method"]],
    ] as const) {
      const labels = { "org.grand-challenge.api-method": method };
      const { path } = await exported(scratchFolder(), "image.tar", { labels });
      expect(failed((await preflight({ archive: path })).findings)).toEqual(result);
    }
  });

  test("refuses an image that was uploaded before", async () => {
    const { path, configDigest } = await exported(scratchFolder(), "image.tar");
    const { findings } = await preflight({ archive: path, uploadedDigests: [configDigest] });
    expect(failed(findings)).toEqual(["new-image"]);
  });

  test("refuses an archive that was cut off, and calls the rest not checked", async () => {
    const scratch = scratchFolder();
    const { path } = await exported(scratch, "image.tar");
    await outputOf("truncate", "-s", "-20000", path);
    const { isAccepted, findings } = await preflight({ archive: path });
    expect(isAccepted).toBe(false);
    expect(failed(findings)).toContain("tar");
  });

  test("refuses another extension", async () => {
    const { path } = await exported(scratchFolder(), "image.tgz");
    expect(failed((await preflight({ archive: path })).findings)).toEqual(["extension"]);
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
    ["a manifest that is no list", files(entry), "manifest"],
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
    const { findings, isAccepted } = await preflight({ archive });
    expect(isAccepted).toBe(false);
    const finding = findings.find((candidate) => candidate.check === check);
    expect(finding).toMatchObject({ result: "fail", remedy: expect.stringMatching(/\.$/) });
  });
});

function tarOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const time = new Date(0);
  const parts = Object.entries(files).flatMap(([path, content]) => {
    const bytes = Buffer.from(content as string);
    const header = tarHeader({ path, kind: "file", mode: 0o644, sizeBytes: bytes.length, time });
    return [header, bytes, tarPadding(bytes.length)];
  });
  return Buffer.concat([...parts, tarEnd()]);
}

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeModelTarball } from "../../../src/build/model-tarball.js";
import { layerFile } from "../../../src/image/image-plan.js";
import { needs, testWith } from "../../support/needs.js";
import { neverStopped } from "../../support/never-stopped.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";
import { outputOf } from "../../support/program-on-path.js";

const files = [
  layerFile("manifest.json", { text: "{}\n" }),
  layerFile("3d_fullres/fold_0.onnx", { text: "a network\n" }),
];

describe("a model tarball", () => {
  testWith([needs.python], "is unpacked by Python's safe filter, with the manifest at its root", async () => {
    const folder = scratchFolder();
    const path = join(folder, "model.tar.gz");
    const { bytes, sha256 } = await writeModelTarball(files, { path, signal: neverStopped() });
    expect(readFileSync(path).length).toBe(bytes);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    const unpack = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter='data')";
    await outputOf("python3", ...["-c", unpack, path, join(folder, "model")]);
    expect(readdirSync(join(folder, "model"), { recursive: true }).sort()).toEqual([
      "3d_fullres",
      "3d_fullres/fold_0.onnx",
      "manifest.json",
    ]);
    expect(readFileSync(join(folder, "model", "manifest.json"), "utf8")).toBe("{}\n");
  });

  test("of the same files has the same bytes", async () => {
    const folder = scratchFolder();
    const first = await writeModelTarball(files, { path: join(folder, "a.tar.gz"), signal: neverStopped() });
    const second = await writeModelTarball(files.toReversed(), {
      path: join(folder, "b.tar.gz"),
      signal: neverStopped(),
    });
    expect(second.sha256).toBe(first.sha256);
  });

  test("replaces nothing, and leaves nothing if a file cannot be read", async () => {
    const folder = scratchFolder();
    const path = join(folder, "model.tar.gz");
    const missing = layerFile("fold_0.weights", { file: join(folder, "nowhere") });
    await expect(writeModelTarball([...files, missing], { path, signal: neverStopped() })).rejects.toThrow();
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, "another model");
    await expect(writeModelTarball(files, { path, signal: neverStopped() })).rejects.toMatchObject({
      code: "OUTPUT_EXISTS",
    });
    expect(readdirSync(folder)).toEqual(["model.tar.gz"]);
    expect(readFileSync(path, "utf8")).toBe("another model");
  });
});

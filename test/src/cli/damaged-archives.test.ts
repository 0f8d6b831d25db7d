import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { paxRecord, tarFile, tarMetadata, wholeTarOf } from "../../support/archive/tar-parts.js";
import { describeWithEngine } from "../../support/docker/docker.js";
import { goldenPath } from "../../support/golden.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";
import { smallBase } from "../../support/oci/small-base.js";
import { runProgram } from "../../support/programs/run-program.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

const model = goldenPath("v2", "blobs_3d_fullres", "model");
const input = goldenPath("v2", "blobs_3d_fullres", "input");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** An image of one layer as `docker save` writes it. */
function imageWith(layer: Uint8Array, diffId = sha256(layer)): Buffer {
  const config = JSON.stringify({
    ...{ architecture: "amd64", os: "linux", created: "2024-01-02T03:04:05Z" },
    rootfs: { type: "layers", diff_ids: [`sha256:${diffId}`] },
  });
  const manifest = JSON.stringify([{ Config: "config.json", RepoTags: ["a/b:1"], Layers: ["layer.tar"] }]);
  return wholeTarOf(
    tarFile("layer.tar", layer),
    tarFile("config.json", config),
    tarFile("manifest.json", manifest),
  );
}

const goodImage = imageWith(wholeTarOf(tarFile("a", "x")));
const longPath = "n".repeat(70_000);

/** Not images: by what is wrong with the file, the fault that is reported. */
const archives: readonly (readonly [string, Buffer, RegExp])[] = [
  [
    "a member whose pax record holds a path of 70,000 letters",
    wholeTarOf(tarMetadata("x", paxRecord("path", longPath)), goodImage),
    /names a path of more than \d+ characters/,
  ],
  [
    "a member with a GNU name of 70,000 letters",
    wholeTarOf(tarMetadata("L", longPath), goodImage),
    /names a path of more than \d+ characters/,
  ],
  [
    "a pax header of 2 MiB",
    wholeTarOf(tarMetadata("x", paxRecord("comment", "c".repeat(2 << 20))), goodImage),
    /longer than 1 MiB/,
  ],
  [
    "a pax record that is longer than its header",
    wholeTarOf(tarMetadata("x", "99 path=b\n"), goodImage),
    /a pax header is damaged/,
  ],
  ["an end in the middle of a file", goodImage.subarray(0, 700), /it ends within a file/],
  ["a wrong checksum", Buffer.concat([goodImage]).fill("7", 148, 149), /checksum is wrong/],
  ["a gzip stream that is cut off", gzipSync(goodImage).subarray(0, -20), /unexpected end of file/],
  ["a gzip stream with wrong bytes", gzipSync(goodImage).fill(0xff, 40, 60), /invalid|incorrect|unexpected/],
];

/** Images whose layer has a fault of its own. */
const layers: readonly (readonly [string, Buffer, RegExp])[] = [
  [
    "with a path of 70,000 letters",
    wholeTarOf(tarMetadata("x", paxRecord("path", longPath)), tarFile("a", "x")),
    /names a path of more than \d+ characters/,
  ],
  [
    "with a damaged pax record",
    wholeTarOf(tarMetadata("x", "99 path=b\n"), tarFile("a", "x")),
    /a pax header is damaged/,
  ],
  ["that ends within a file", tarFile("a", "x".repeat(2000)).subarray(0, 1500), /it ends within a file/],
];

interface Run {
  readonly exitCode: number;
  readonly err: string;
}

/** Runs the program in a folder with this file as image.tar, without an engine. */
async function runOn(archive: Buffer, args: (cwd: string) => Promise<readonly string[]>): Promise<Run> {
  const cwd = scratchFolder();
  writeFileSync(join(cwd, "image.tar"), archive);
  const terminal = testTerminal(cwd, { XDG_CACHE_HOME: join(cwd, "cache") });
  const exitCode = await main(await args(cwd), terminal);
  return { exitCode, err: terminal.printed.err };
}

const verify = async (cwd: string) => [
  ...["verify", "image.tar", "--model-dir", model],
  ...["--base-image", await smallBase(cwd)],
];
const build = async (cwd: string) => [
  ...["--model-dir", model, "--base-image", `docker-archive:${join(cwd, "image.tar")}`],
  ...["--tag", "team/blobs:1", "--export"],
];

describe("an image file with", () => {
  test.each(archives)("%s is refused by preflight", async (_, archive, fault) => {
    const { exitCode, err } = await runOn(archive, () => Promise.resolve(["preflight", "image.tar"]));
    expect(err).toMatch(/ARCHIVE_REFUSED: image\.tar: tar: /);
    expect(err).toMatch(fault);
    expect([exitCode, err.split("\n").length <= 3]).toEqual([5, true]);
  });

  test.each(archives)("%s is refused by verify", async (_, archive, fault) => {
    const { exitCode, err } = await runOn(archive, verify);
    expect(err).toMatch(/IMAGE_FILE_INVALID: \S*image\.tar: /);
    expect(err).toMatch(fault);
    expect(exitCode).toBe(5);
  });

  test.each(archives)("%s is refused as a base", async (_, archive, fault) => {
    const { exitCode, err } = await runOn(archive, build);
    expect(err).toMatch(/IMAGE_FILE_INVALID: \S*image\.tar: /);
    expect(err).toMatch(fault);
    expect(exitCode).toBe(5);
  });
});

describe("an image with a layer", () => {
  test.each(layers)("%s is refused by verify", async (_, layer, fault) => {
    for (const bytes of [layer, gzipSync(layer)]) {
      const { exitCode, err } = await runOn(imageWith(bytes, sha256(layer)), verify);
      expect(err).toMatch(/IMAGE_FILE_INVALID: \S*image\.tar: /);
      expect(err).toMatch(fault);
      expect(exitCode).toBe(5);
    }
  });

  test.each(layers)("%s is refused as a base", async (_, layer, fault) => {
    for (const bytes of [layer, gzipSync(layer)]) {
      const { exitCode, err } = await runOn(imageWith(bytes, sha256(layer)), build);
      expect(err).toMatch(/IMAGE_FILE_INVALID: a layer of team\/blobs:1/);
      expect(err).toMatch(fault);
      expect(exitCode).toBe(5);
    }
  });
});

describeWithEngine("an image file to simulate with", () => {
  test.each(archives)("%s is refused", async (_, archive, fault) => {
    const cwd = scratchFolder();
    writeFileSync(join(cwd, "image.tar"), archive);
    const { exitCode, err } = await runProgram(["simulate", "image.tar", "--input", input], { cwd });
    expect(err).toMatch(/IMAGE_FILE_INVALID: \S*image\.tar: /);
    expect(err).toMatch(fault);
    expect(exitCode).toBe(5);
  });
});

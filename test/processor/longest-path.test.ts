import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { findSocketCase } from "../../processor/runtime/entries/grand-challenge/find-case.js";
import { readTarget } from "../../processor/runtime/model/read-target.js";
import { describeSavedImage } from "../../src/attest/image-contents.js";
import { BlobCache } from "../../src/oci/blob-cache.js";
import { openDockerArchive } from "../../src/oci/open-docker-archive.js";
import { neverStopped } from "../support/never-stopped.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";

const megabyte = 10 ** 6;
const longPath = "../".repeat(megabyte / 3);

function tarEntry(name: string, content: string, type = "0"): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write(`        ${type}`, 148);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padded = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  padded.write(content);
  return Buffer.concat([header, padded]);
}

const end = Buffer.alloc(1024);
const config = JSON.stringify({
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [] },
});

/** Two tars with one entry: a file with the long path as its name, and a link with the long path as its target. */
const tars = {
  name: Buffer.concat([tarEntry("x", longPath, "L"), tarEntry("x", "a"), end]),
  target: Buffer.concat([tarEntry("x", longPath, "K"), tarEntry("x", "", "2"), end]),
};
const archiveOf = (entry: object): Buffer =>
  Buffer.concat([
    tarEntry("config.json", config),
    tarEntry("manifest.json", JSON.stringify([{ Config: "config.json", Layers: [], ...entry }])),
    end,
  ]);

function fileOf(name: string, bytes: Buffer | string): string {
  const file = join(scratchFolder(), name);
  writeFileSync(file, bytes);
  return file;
}

const open = async (bytes: Buffer) =>
  openDockerArchive(fileOf("image.tar", bytes), {
    cache: await BlobCache.open(scratchFolder()),
    signal: neverStopped(),
  });
const describeSaved = (bytes: Buffer) =>
  describeSavedImage(Readable.from([bytes]), { imageName: "x", imageId: "sha256:0" });

const longTarget = {
  targetVersion: 1,
  target: {
    ...{ kind: "grand-challenge", apiMethod: "exec", inputSockets: null, outputSocket: "o" },
    jsonOutputs: [{ relativePath: longPath, content: "volumes_ml", label: null }],
  },
};

/** Each gets a path of 1 MB from a file. */
const readers: Readonly<Record<string, () => Promise<unknown>>> = {
  "a socket of inputs.json": () =>
    findSocketCase({
      inputDir: join(
        fileOf(
          "inputs.json",
          JSON.stringify([{ socket: { slug: "ct", relative_path: longPath, is_image_kind: true } }]),
        ),
        "..",
      ),
      target: {
        kind: "grand-challenge",
        apiMethod: "exec",
        inputSockets: null,
        outputSocket: "o",
        jsonOutputs: [],
      },
      channelNames: ["CT"],
    }),
  "an output of a processor's target": () => readTarget(fileOf("target.json", JSON.stringify(longTarget))),
  "an entry of a docker archive": () => open(tars.name),
  "a link of a docker archive": () => open(tars.target),
  "the configuration of a docker archive": () => open(archiveOf({ Config: longPath })),
  "a layer of a docker archive": () => open(archiveOf({ Layers: [longPath] })),
  "an entry of a saved image": () => describeSaved(tars.name),
  "a link of a saved image": () => describeSaved(tars.target),
  "the configuration of a saved image": () => describeSaved(archiveOf({ Config: longPath })),
  "a layer of a saved image": () => describeSaved(archiveOf({ Layers: [longPath] })),
};

test.each(Object.entries(readers))("%s with a path of 1 MB is refused at once", async (_, read) => {
  const start = performance.now();
  await expect(read()).rejects.toThrow(/characters/);
  expect(performance.now() - start).toBeLessThan(2000);
});

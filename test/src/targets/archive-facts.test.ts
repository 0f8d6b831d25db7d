import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { expect, test } from "vitest";
import { BlobCache } from "../../../src/oci/blob-cache.js";
import { openDockerArchive } from "../../../src/oci/open-docker-archive.js";
import { readImageArchive } from "../../../src/oci/read-image-archive.js";
import { readArchiveFacts } from "../../../src/targets/preflight/archive-facts.js";
import { tarFile } from "../../support/archive/tar-parts.js";
import { neverStopped } from "../../support/never-stopped.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

/** Writes a gzipped archive of this many files. */
async function archiveOf(count: number, contents: string | Uint8Array): Promise<string> {
  const archive = join(scratchFolder(), "image.tar.gz");
  function* files(): Generator<Buffer> {
    for (let i = 0; i < count; i++) yield tarFile(`file-${i}`, contents);
  }
  await pipeline(Readable.from(files()), createGzip({ level: 1 }), createWriteStream(archive));
  return archive;
}

const longJson = Buffer.concat([Buffer.from("["), Buffer.alloc((4 << 20) - 2, " "), Buffer.from("]")]);

test.each([
  ["JSON files that no memory holds", 40, longJson, "its JSON files have more than 64 MiB together"],
  ["more files than any image has", 10_001, "x", "it has more than 10000 entries"],
] as const)("an archive with %s is not read to its end", async (_, count, contents, fault) => {
  const archive = await archiveOf(count, contents);
  const { problem, texts } = await readArchiveFacts(archive, neverStopped());
  expect(problem).toBe(fault);
  expect([...texts.values()].reduce((sum, text) => sum + text.length, 0)).toBeLessThanOrEqual(64 << 20);
  const invalid = { code: "IMAGE_FILE_INVALID", message: `${archive}: ${fault}` };
  await expect(readImageArchive(archive, "manifest.json")).rejects.toMatchObject(invalid);
  const cache = await BlobCache.open(join(scratchFolder(), "cache"));
  await expect(openDockerArchive(archive, { cache, signal: neverStopped() })).rejects.toMatchObject(invalid);
});

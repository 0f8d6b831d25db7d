import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archiveFileName, writeArchive } from "../../../src/oci/export-archive.js";
import { parallelGzip } from "../../../src/oci/parallel-gzip.js";
import { needs, testWith } from "../../support/needs.js";
import { neverStopped } from "../../support/never-stopped.js";
import { RecordedProgress } from "../../support/programs/recorded-progress.js";

const megabyte = 1024 * 1024;

describe("archiveFileName", () => {
  test.each([
    { imageName: "team/liver:1", name: "team-liver-1.tar.gz" },
    { imageName: "liver:latest", name: "liver-latest.tar.gz" },
    { imageName: "registry.example.org/team/liver:1.2", name: "team-liver-1.2.tar.gz" },
    { imageName: "registry.example.org:5000/liver:1", name: "liver-1.tar.gz" },
    { imageName: "localhost/team/liver:1", name: "team-liver-1.tar.gz" },
  ])("of $imageName is $name", ({ imageName, name }) => {
    expect(archiveFileName(imageName)).toBe(name);
  });
});

describe("parallelGzip", () => {
  test.each([
    { name: "nothing", bytes: Buffer.alloc(0) },
    { name: "a little", bytes: Buffer.from("a little") },
    { name: "exactly one piece", bytes: randomBytes(4 * megabyte) },
    {
      name: "several pieces and a rest",
      bytes: Buffer.concat([randomBytes(9 * megabyte), Buffer.alloc(12345)]),
    },
  ])("of $name unpacks to the same bytes", async ({ bytes }) => {
    expect(gunzipSync(await gathered(parallelGzip(inChunks(bytes, 65_536)))).equals(bytes)).toBe(true);
  });

  test("does not depend on how the bytes arrive, and contains no time", async () => {
    const bytes = randomBytes(9 * megabyte);
    const once = await gathered(parallelGzip(inChunks(bytes, 1000)));
    expect(once.equals(await gathered(parallelGzip(inChunks(bytes, 5 * megabyte))))).toBe(true);
    expect([...once.subarray(4, 10)]).toEqual([0, 0, 0, 0, 0, 255]);
  });

  test("reports the failure of its source", async () => {
    const broken = parallelGzip(breakingOff(9 * megabyte));
    await expect(gathered(broken)).rejects.toThrow("the engine is gone");
  });
});

describe("writeArchive", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "archive-"));
    path = join(folder, "team-liver-1.tar.gz");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (image: AsyncIterable<Uint8Array>) =>
    writeArchive({
      imageName: "team/liver:1",
      image,
      imageBytes: 1000,
      path,
      progress: new RecordedProgress(),
      signal: neverStopped(),
    });

  test("writes the compressed image and returns the file's size and digest", async () => {
    const bytes = randomBytes(5 * megabyte);
    const archive = await write(inChunks(bytes, 65_536));
    const written = readFileSync(path);
    expect(gunzipSync(written).equals(bytes)).toBe(true);
    expect(archive).toEqual({
      path,
      bytes: written.length,
      sha256: createHash("sha256").update(written).digest("hex"),
    });
    expect(readdirSync(folder)).toEqual(["team-liver-1.tar.gz"]);
  });

  test("reports the progress in bytes", async () => {
    const progress = new RecordedProgress();
    const image = inChunks(Buffer.alloc(1000), 100);
    await writeArchive({ imageName: "x:1", image, imageBytes: 1000, path, progress, signal: neverStopped() });
    expect(progress.tasks).toEqual([
      { label: "exporting x:1", total: 1000, unit: "bytes", advanced: 1000, isDone: true },
    ]);
  });

  test("never overwrites a file", async () => {
    writeFileSync(path, "earlier");
    await expect(write(inChunks(Buffer.alloc(10), 10))).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
    expect(readFileSync(path, "utf8")).toBe("earlier");
  });

  test("keeps a file that was created while it wrote", async () => {
    const meanwhile = async function* () {
      yield Buffer.alloc(10);
      writeFileSync(path, "somebody else's");
    };
    await expect(write(meanwhile())).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
    expect(readFileSync(path, "utf8")).toBe("somebody else's");
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("leaves nothing if the engine stops sending", async () => {
    await expect(write(breakingOff(9 * megabyte))).rejects.toMatchObject({
      code: "EXPORT_FAILED",
      message: expect.stringContaining("the engine is gone"),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("inside a file instead of a folder is OUTPUT_UNWRITABLE", async () => {
    writeFileSync(join(folder, "file"), "");
    path = join(folder, "file", "x.tar.gz");
    await expect(write(inChunks(Buffer.alloc(10), 10))).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });

  testWith(
    [needs.mount],
    "on a full disk is DISK_FULL, says that the image remains in the engine, and leaves nothing",
    async () => {
      const mounted = join(folder, "small");
      mkdirSync(mounted);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted]);
      try {
        path = join(mounted, "x.tar.gz");
        await expect(write(inChunks(randomBytes(5 * megabyte), 65_536))).rejects.toMatchObject({
          code: "DISK_FULL",
          message: expect.stringContaining("is still in Docker"),
        });
        expect(readdirSync(mounted)).toEqual([]);
      } finally {
        execFileSync("umount", [mounted]);
      }
    },
  );
});

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function* breakingOff(bytes: number): AsyncGenerator<Buffer> {
  yield Buffer.alloc(bytes);
  throw new Error("the engine is gone");
}

async function gathered(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

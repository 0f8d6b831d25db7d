import { createHash } from "node:crypto";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ZipArchive } from "../../../../processor/files/zip/zip-archive.js";
import { defaultZipLimits } from "../../../../processor/files/zip/zip-entry-rules.js";
import { buildZip, endRecord, type ZipEnd, type ZipPart } from "../../../support/archive/zip-builder.js";
import { goldenPath, repositoryRoot } from "../../../support/golden.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "zip-archive-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function zipFile(parts: readonly ZipPart[], end: ZipEnd = {}): Promise<string> {
  const bytes = buildZip(parts, end);
  const file = join(folder, `${createHash("sha256").update(bytes).digest("hex")}.zip`);
  await writeFile(file, bytes);
  return file;
}

async function contents(archive: ZipArchive, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive.read(path)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function readAll(file: string): Promise<void> {
  const archive = await ZipArchive.open(file);
  try {
    for (const { path } of archive.entries) await contents(archive, path);
  } finally {
    await archive.close();
  }
}

describe("a zip written by Python's zipfile", () => {
  const file = join(repositoryRoot, "test", "fixtures", "archive", "python-zipfile.zip");
  const weights = Buffer.from(Array.from({ length: 256 * 40 }, (_, i) => i % 256));

  test("lists its files by path, with sizes, without folders", async () => {
    const archive = await ZipArchive.open(file);
    expect(archive.entries.map(({ path, size, isStored }) => [path, size, isStored])).toEqual([
      ["nnUNet/3d_fullres/empty.json", 0, false],
      ["nnUNet/3d_fullres/fold_0/weights.bin", 10240, true],
      ["nnUNet/3d_fullres/fold_0/äö.txt", 8, false],
      ["nnUNet/3d_fullres/fold_1/weights.bin", 10240, true],
      ["nnUNet/3d_fullres/plans.json", 1050, false],
    ]);
    await archive.close();
  });

  test.each([
    {
      name: "a deflated file",
      path: "nnUNet/3d_fullres/plans.json",
      bytes: Buffer.from('{"patch": [1, 2, 3]}\n'.repeat(50)),
    },
    { name: "a stored file", path: "nnUNet/3d_fullres/fold_0/weights.bin", bytes: weights },
    { name: "a zip64 entry", path: "nnUNet/3d_fullres/fold_1/weights.bin", bytes: weights },
    {
      name: "a deflated zip64 entry with a UTF-8 name",
      path: "nnUNet/3d_fullres/fold_0/äö.txt",
      bytes: Buffer.from("Größe\n"),
    },
    { name: "an empty file", path: "nnUNet/3d_fullres/empty.json", bytes: Buffer.alloc(0) },
  ])("reads $name byte for byte", async ({ path, bytes }) => {
    const archive = await ZipArchive.open(file);
    expect(await contents(archive, path)).toEqual(bytes);
    await archive.close();
  });

  test("returns the position of a stored file, so that it can be read in place", async () => {
    const archive = await ZipArchive.open(file);
    const range = await archive.locate("nnUNet/3d_fullres/fold_1/weights.bin");
    const handle = await open(file);
    const bytes = Buffer.alloc(range!.size);
    await handle.read(bytes, 0, range!.size, range!.offset);
    await handle.close();
    expect(bytes).toEqual(weights);
    expect(await archive.locate("nnUNet/3d_fullres/plans.json")).toBeNull();
    await archive.close();
  });

  test("can be read again after stopping in the middle of a file", async () => {
    const archive = await ZipArchive.open(file);
    for await (const chunk of archive.read("nnUNet/3d_fullres/plans.json")) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect((await contents(archive, "nnUNet/3d_fullres/plans.json")).length).toBe(1050);
    await archive.close();
  });
});

describe("a checkpoint of torch.save", () => {
  const checkpoint = goldenPath("v2", "blobs_3d_fullres", "model", "fold_0", "checkpoint_final.pth");

  test("is a zip like any other", async () => {
    await readAll(checkpoint);
  });

  test("inside an export is read without being unpacked", async () => {
    const exported = await ZipArchive.open(
      await zipFile([{ name: "x" }, { name: "checkpoint.pth", data: await readFile(checkpoint) }]),
    );
    const inside = await ZipArchive.open((await exported.locate("checkpoint.pth"))!);
    const outside = await ZipArchive.open(checkpoint);
    expect(inside.entries).toHaveLength(outside.entries.length);
    const name = outside.entries.find(({ path }) => path.endsWith("data.pkl"))!.path;
    expect(await contents(inside, name)).toEqual(await contents(outside, name));
    const range = (await inside.locate(name))!;
    const handle = await open(range.file);
    const bytes = Buffer.alloc(range.size);
    await handle.read(bytes, 0, range.size, range.offset);
    await handle.close();
    expect(bytes).toEqual(await contents(outside, name));
    for (const archive of [exported, inside, outside]) await archive.close();
  });
});

describe("an archive that could do harm is refused when it is opened", () => {
  test.each<{ name: string; parts: readonly ZipPart[]; end?: ZipEnd; says: RegExp }>([
    {
      name: "a path that climbs out",
      parts: [{ name: "a/../../etc/passwd" }],
      says: /leaves the archive's folder/,
    },
    { name: "an absolute path", parts: [{ name: "/etc/passwd" }], says: /absolute path/ },
    { name: "a drive letter", parts: [{ name: "C:/x" }], says: /absolute path/ },
    { name: "a backslash", parts: [{ name: "..\\..\\x" }], says: /backslash/ },
    { name: "a NUL in a name", parts: [{ name: "plans.json\u0000.txt" }], says: /control characters/ },
    { name: "an escape sequence in a name", parts: [{ name: "\u001b[2Jx" }], says: /control characters/ },
    { name: "an empty path part", parts: [{ name: "a//b" }], says: /empty or \. part/ },
    { name: "a name of 4000 bytes", parts: [{ name: "x".repeat(4000) }], says: /name of 4000 bytes/ },
    {
      name: "60 kB of extra fields",
      parts: [{ name: "x", extra: extraField(60_000) }],
      says: /extra fields/,
    },
    {
      name: "a symbolic link",
      parts: [{ name: "x", data: "/etc/passwd", mode: 0o120777 }],
      says: /symbolic link/,
    },
    { name: "a device", parts: [{ name: "x", mode: 0o020666 }], says: /device/ },
    {
      name: "one file twice",
      parts: [
        { name: "x", data: "1" },
        { name: "x", data: "2" },
      ],
      says: /twice/,
    },
    {
      name: "a file inside a file",
      parts: [
        { name: "x", data: "1" },
        { name: "x/y", data: "2" },
      ],
      says: /inside another file/,
    },
    {
      name: "entries that share their bytes",
      parts: [
        { name: "x", data: "1" },
        { name: "y", data: "1", sharesDataOf: 0 },
      ],
      says: /overlaps/,
    },
    {
      name: "an entry that runs into the directory",
      parts: [{ name: "x", data: "1", size: 900, compressedSize: 900 }],
      says: /overlaps/,
    },
    {
      name: "a zip64 size beyond the file",
      parts: [{ name: "x", data: "1", size: 2 ** 45, compressedSize: 2 ** 45, zip64: true }],
      says: /overlaps|unpacks to more/,
    },
    {
      name: "a size that makes a bomb",
      parts: [{ name: "x", data: "1", deflate: true, size: 2 ** 31 }],
      says: /times the packed size is allowed/,
    },
    {
      name: "fewer entries in the count than in the directory",
      parts: [{ name: "x" }, { name: "y" }],
      end: { claimedEntries: 1 },
      says: /count of entries/,
    },
    {
      name: "a count of 30,000 entries",
      parts: [{ name: "x" }],
      end: { claimedEntries: 30_000 },
      says: /30000 entries/,
    },
    {
      name: "a zip64 count of four thousand million entries",
      parts: [{ name: "x" }],
      end: { claimedEntries: 2 ** 32 },
      says: /4294967296 entries/,
    },
  ])("$name", async ({ parts, end, says }) => {
    const opened = ZipArchive.open(await zipFile(parts, end ?? {}));
    await expect(opened).rejects.toMatchObject({
      code: "ARCHIVE_UNSAFE",
      message: expect.stringMatching(says),
    });
  });

  test("many entries that are harmless alone but form a bomb together", async () => {
    const parts = Array.from({ length: 5 }, (_, i) => ({
      name: `part_${i}`,
      data: "x",
      deflate: true,
      size: 60 * 2 ** 20,
    }));
    const opened = ZipArchive.open(await zipFile(parts), {
      ...defaultZipLimits,
      maxTotalBytes: 256 * 2 ** 20,
    });
    await expect(opened).rejects.toMatchObject({
      code: "ARCHIVE_UNSAFE",
      message: expect.stringContaining("unpacks to more than"),
    });
  });

  test("a million entries, without using their memory", async () => {
    const file = join(folder, "million.zip");
    await writeMillionEntries(file);
    const before = process.memoryUsage().rss;
    await expect(ZipArchive.open(file)).rejects.toMatchObject({
      code: "ARCHIVE_UNSAFE",
      message: expect.stringContaining("1000000 entries"),
    });
    // The directory alone is 54 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(16 * 2 ** 20);
  });
});

describe("an archive whose contents contradict its directory is refused while it is read", () => {
  test.each<{ name: string; part: ZipPart; code: string; says: RegExp }>([
    {
      name: "a wrong CRC-32",
      part: { name: "x", data: "abc", crc: 1 },
      code: "ARCHIVE_INVALID",
      says: /CRC-32/,
    },
    {
      name: "more bytes than claimed",
      part: { name: "x", data: "a".repeat(9000), deflate: true, size: 10 },
      code: "ARCHIVE_UNSAFE",
      says: /another size/,
    },
    {
      name: "fewer bytes than claimed",
      part: { name: "x", data: "abc", deflate: true, size: 300 },
      code: "ARCHIVE_UNSAFE",
      says: /another size/,
    },
    {
      name: "an invalid deflate stream",
      part: { name: "x", data: "not deflate at all", method: 8 },
      code: "ARCHIVE_INVALID",
      says: /invalid/,
    },
    {
      name: "another name in the local header",
      part: { name: "x", data: "abc", localName: "y" },
      code: "ARCHIVE_UNSAFE",
      says: /contradicts the archive.s directory/,
    },
    {
      name: "another size in the local header",
      part: { name: "x", data: "abc", localSize: 2 },
      code: "ARCHIVE_UNSAFE",
      says: /contradicts the archive.s directory/,
    },
  ])("$name", async ({ part, code, says }) => {
    await expect(readAll(await zipFile([part]))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(says),
    });
  });

  test("a real bomb stops at the size that its directory claims", async () => {
    const bomb = deflateRawSync(Buffer.alloc(200 * 2 ** 20), { level: 9 });
    const archive = await ZipArchive.open(await zipFile([{ name: "x", data: bomb, method: 8, size: 1000 }]));
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of archive.read("x")) bytes += chunk.byteLength;
    })();
    await expect(reading).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
    expect(bytes).toBeLessThanOrEqual(1000);
    await archive.close();
  });
});

describe("a file that is not a readable zip is refused", () => {
  test.each<{ name: string; bytes: () => Buffer; says: RegExp }>([
    { name: "text", bytes: () => Buffer.from("<html>"), says: /not a zip file, or file is truncated/ },
    { name: "nothing", bytes: () => Buffer.alloc(0), says: /not a zip file|truncated/ },
    {
      name: "a zip cut short",
      bytes: () => buildZip([{ name: "x", data: "abc" }]).subarray(0, -30),
      says: /truncated/,
    },
    {
      name: "an encrypted entry",
      bytes: () => buildZip([{ name: "x", data: "abc".repeat(9), flags: 1, size: 15 }]),
      says: /encrypted/,
    },
    {
      name: "an unknown compression",
      bytes: () => buildZip([{ name: "x", data: "abc", method: 14 }]),
      says: /method 14/,
    },
  ])("$name", async ({ name, bytes, says }) => {
    const file = join(folder, `${name}.zip`);
    await writeFile(file, bytes());
    await expect(ZipArchive.open(file)).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
      message: expect.stringMatching(says),
    });
  });
});

test("a supposedly small file that is large is not read into memory", async () => {
  const archive = await ZipArchive.open(await zipFile([{ name: "dataset.json", data: "x".repeat(5000) }]));
  await expect(archive.readSmall("dataset.json", 1000)).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  await archive.close();
});

function extraField(bytes: number): Uint8Array {
  const field = Buffer.alloc(bytes);
  field.writeUInt16LE(0x7777, 0);
  field.writeUInt16LE(bytes - 4, 2);
  return field;
}

async function writeMillionEntries(file: string): Promise<void> {
  const one = buildZip([{ name: "entry000" }]);
  const local = one.subarray(0, 38);
  const header = one.subarray(38, 38 + 54);
  const block = Buffer.concat(Array.from({ length: 10_000 }, () => header));
  const handle = await open(file, "w");
  await handle.write(local);
  for (let i = 0; i < 100; i++) await handle.write(block);
  await handle.write(endRecord(1_000_000, 54_000_000, 38));
  await handle.close();
}

import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ByteReader } from "../../../../processor/imaging/formats/byte-source.js";
import { gunzipWhole, newGunzipMemory } from "../../../../processor/imaging/formats/gunzip-whole.js";
import { describeWith, needs, testWith } from "../../../support/needs.js";

const folder = mkdtempSync(join(tmpdir(), "gunzip-"));
const plain = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i) % 251));
const other = Buffer.alloc(5000, 7);

function write(name: string, bytes: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const cutAt = (bytes: Buffer, at: number): Buffer => bytes.subarray(0, at);

function damaged(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at < 0 ? copy.length + at : at]! ^= 0x55;
  return copy;
}

/** The same with a checksum of the header, which is right if `change` is 0. */
function withHeaderChecksum(bytes: Buffer, change: number): Buffer {
  const header = Buffer.from(bytes.subarray(0, 10));
  header[3] = 2;
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE((crc32(header) & 0xffff) ^ change);
  return Buffer.concat([header, checksum, bytes.subarray(10)]);
}

const packed = gzipSync(plain);
const most = 1 << 20;

async function inflatedWhole(path: string, { start = 0, memory = newGunzipMemory() } = {}) {
  const file = await open(path);
  try {
    return await gunzipWhole({ file, start }, { packed: most, inflated: most }, memory);
  } finally {
    await file.close();
  }
}

describeWith([needs.libdeflate], "libdeflate", () => {
  test("inflates a whole file, from where its data begin", async () => {
    const path = write("shifted.gz", Buffer.concat([Buffer.from("header"), packed]));
    expect(await inflatedWhole(path, { start: 6 })).toEqual(plain);
  });

  test("uses the memory of an earlier file again if it is large enough", async () => {
    const memory = newGunzipMemory();
    await inflatedWhole(write("first.gz", packed), { memory });
    const { inflated } = memory;
    expect(await inflatedWhole(write("second.gz", gzipSync(other)), { memory })).toEqual(other);
    expect(memory.inflated).toBe(inflated);
  });

  test.each([
    { kind: "several members", bytes: Buffer.concat([packed, gzipSync(other)]) },
    { kind: "other bytes after the data", bytes: Buffer.concat([packed, Buffer.alloc(100)]) },
    { kind: "a cut end", bytes: cutAt(packed, packed.length - 5) },
    { kind: "hardly a beginning", bytes: cutAt(packed, 12) },
    { kind: "a wrong checksum", bytes: damaged(packed, -8) },
    { kind: "a wrong length", bytes: damaged(packed, -4) },
    { kind: "a checksum of its header", bytes: withHeaderChecksum(packed, 0) },
    { kind: "damaged data", bytes: damaged(packed, 500) },
    { kind: "more than the memory that may be taken", bytes: gzipSync(Buffer.alloc(most + 1)) },
    { kind: "no data at all", bytes: Buffer.alloc(0) },
  ])("leaves a file with $kind to zlib", async ({ kind, bytes }) => {
    const path = write(`${kind}.gz`, bytes);
    expect(await inflatedWhole(path)).toBeNull();
  });
});

async function blocksOf(path: string): Promise<Buffer> {
  const reader = await ByteReader.open({ path, compression: "gzip" });
  const blocks: Buffer[] = [];
  for await (const block of reader.readBlocks(8, plain.length - 8, 1000)) blocks.push(Buffer.from(block));
  await reader.finish();
  return Buffer.concat(blocks);
}

async function dataOf(path: string, offset: number): Promise<Buffer> {
  const reader = await ByteReader.open({ path, compression: "gzip" });
  try {
    await reader.peek(352);
    const data = await reader.readData(offset, plain.length - offset);
    await reader.finish();
    return data;
  } finally {
    reader.destroy();
  }
}

describe("a reader of gzip data", () => {
  test("takes no memory for far more bytes than the header announces", async () => {
    const path = write("more.gz", gzipSync(Buffer.alloc(64 << 20)));
    const reader = await ByteReader.open({ path, compression: "gzip" });
    const { buffer } = await reader.readData(8, 1000);
    await reader.finish();
    expect(buffer.byteLength).toBeLessThan(1 << 20);
  });

  test.each([0, 8, 348, 352])("gives the bytes from %i on", async (offset) => {
    expect(await dataOf(write("plain.gz", packed), offset)).toEqual(plain.subarray(offset));
  });

  test("gives them in blocks, also of several files at a time", async () => {
    const path = write("blocks.gz", packed);
    const several = write(
      "members.gz",
      Buffer.concat([gzipSync(plain.subarray(0, 9)), gzipSync(plain.subarray(9))]),
    );
    for (const bytes of await Promise.all([blocksOf(path), blocksOf(several), blocksOf(path)]))
      expect(bytes).toEqual(plain.subarray(8));
  });

  test("gives data that numbers of eight bytes can be looked at in place", async () => {
    const { byteOffset } = await dataOf(write("aligned.gz", packed), 348);
    expect(byteOffset % 8).toBe(0);
  });

  test("refuses a header with a wrong checksum", async () => {
    const path = write("header.gz", withHeaderChecksum(packed, 1));
    await expect(dataOf(path, 0)).rejects.toThrow("header crc mismatch");
  });

  test.each([
    { kind: "removed", change: (path: string) => rmSync(path) },
    {
      kind: "replaced by another one",
      change: (path: string) => renameSync(write("new.gz", gzipSync(Buffer.alloc(plain.length, 5))), path),
    },
    {
      kind: "replaced by a folder",
      change: (path: string) => {
        rmSync(path);
        mkdirSync(path);
      },
    },
  ])("reads the voxels from the file of the header, though it is $kind", async ({ kind, change }) => {
    const path = write(`${kind}.gz`, packed);
    const reader = await ByteReader.open({ path, compression: "gzip" });
    try {
      await reader.peek(352);
      change(path);
      expect(await reader.readData(352, plain.length - 352)).toEqual(plain.subarray(352));
    } finally {
      reader.destroy();
    }
  });

  // The package for native calls takes 256 calls at a time.
  test("reads more files side by side than libdeflate may", async () => {
    const path = write("many.gz", packed);
    const all = await Promise.all(Array.from({ length: 300 }, () => dataOf(path, 0)));
    expect(all.every((bytes) => bytes.equals(plain))).toBe(true);
  });
});

testWith([needs.libdeflate], "libdeflate takes no memory of JavaScript for the compressed data", async () => {
  const taken = vi.spyOn(Buffer, "allocUnsafeSlow");
  onTestFinished(() => taken.mockRestore());
  await dataOf(write("packed.gz", packed), 0);
  const lengths = taken.mock.calls.map(([length]) => length);
  expect(lengths).toContain(plain.length);
  expect(lengths).not.toContain(packed.length);
});

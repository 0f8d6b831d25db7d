import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { hashing, StreamHash } from "../../../../src/ground/files/stream-hash.js";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function digestInChunks(bytes: Uint8Array, chunkBytes: number, sizeBytes: number | null) {
  const hash = new StreamHash(sizeBytes);
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await hash.update(bytes.subarray(at, Math.min(at + chunkBytes, bytes.length)));
  return hash.digest();
}

const mebibyte = 1 << 20;

test.each([
  0,
  1,
  mebibyte - 1,
  mebibyte,
  4 * mebibyte - 1,
  4 * mebibyte,
  4 * mebibyte + 1,
  30 * mebibyte + 7,
])("%d bytes have the digest that Node computes, however they arrive", async (length) => {
  const bytes = randomBytes(length);
  for (const chunkBytes of [77_777, mebibyte, 5 * mebibyte])
    for (const size of [null, length])
      expect(await digestInChunks(bytes, chunkBytes, size)).toBe(sha256(bytes));
});

test("many long streams at once keep their bytes apart, and one that is dropped harms no other", async () => {
  const streams = Array.from({ length: 40 }, () => ({
    hash: new StreamHash(),
    bytes: randomBytes(6 * mebibyte),
  }));
  for (let at = 0; at < 6 * mebibyte; at += mebibyte)
    await Promise.all(streams.map(({ hash, bytes }) => hash.update(bytes.subarray(at, at + mebibyte))));
  for (const { hash } of streams.slice(0, 20)) hash.drop();
  for (const { hash, bytes } of streams.slice(20)) expect(await hash.digest()).toBe(sha256(bytes));
});

test("a chunk may be changed after it was taken", async () => {
  const chunk = Buffer.alloc(mebibyte);
  const whole = createHash("sha256");
  const hash = new StreamHash();
  for (let i = 0; i < 12; i++) {
    chunk.fill(i);
    whole.update(chunk);
    await hash.update(chunk);
  }
  expect(await hash.digest()).toBe(whole.digest("hex"));
});

test("chunks pass unchanged while they are hashed", async () => {
  const chunks = Array.from({ length: 9 }, () => randomBytes(mebibyte));
  const hash = new StreamHash();
  const passed: Uint8Array[] = [];
  for await (const chunk of hashing(Readable.from(chunks), hash)) passed.push(chunk);
  expect(Buffer.concat(passed).equals(Buffer.concat(chunks))).toBe(true);
  expect(await hash.digest()).toBe(sha256(Buffer.concat(chunks)));
});

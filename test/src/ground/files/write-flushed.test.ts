import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFlushed } from "../../../../src/ground/files/write-flushed.js";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "flushed-"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const chunk = Buffer.alloc(1 << 20, 7);

test("a file has all chunks in their order", async () => {
  const path = join(scratch, "file");
  const chunks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(1 << 20, i));
  await writeFlushed(path, Readable.from(chunks), new AbortController().signal);
  expect(readFileSync(path).equals(Buffer.concat(chunks))).toBe(true);
});

test("an existing file is not replaced", async () => {
  const path = join(scratch, "file");
  writeFileSync(path, "kept");
  await expect(writeFlushed(path, Readable.from([chunk]), new AbortController().signal)).rejects.toThrow(
    /EEXIST/,
  );
  expect(readFileSync(path, "utf8")).toBe("kept");
});

test("an abort ends the writing with the signal's reason", async () => {
  const stop = new AbortController();
  async function* endless() {
    for (let i = 0; ; i++) {
      if (i === 3) stop.abort(new Error("stopped"));
      yield chunk;
    }
  }
  await expect(writeFlushed(join(scratch, "file"), endless(), stop.signal)).rejects.toThrow("stopped");
});

test("an abort ends the wait for a chunk that never comes", async () => {
  const stop = new AbortController();
  async function* silent() {
    yield chunk;
    setImmediate(() => stop.abort(new Error("stopped")));
    await new Promise(() => {});
  }
  const written = writeFlushed(join(scratch, "file"), silent(), stop.signal);
  await expect(written).rejects.toThrow("stopped");
});

test("an error of the chunks is passed on", async () => {
  async function* broken() {
    yield chunk;
    throw new Error("no more");
  }
  const signal = new AbortController().signal;
  await expect(writeFlushed(join(scratch, "file"), broken(), signal)).rejects.toThrow("no more");
});

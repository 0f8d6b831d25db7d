import { randomBytes } from "node:crypto";
import { copyFileSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { layerFile, layerFileTime } from "../../../src/image/image-plan.js";
import { BlobCache } from "../../../src/oci/blob-cache.js";
import { makeLayer } from "../../../src/oci/make-layer.js";
import { neverStopped } from "../../support/never-stopped.js";

let scratch: string;
let cache: BlobCache;
beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), "layer-"));
  cache = await BlobCache.open(join(scratch, "cache"));
  // A file that was written just now is not recognised later.
  vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(scratch, { recursive: true });
});

const largeBytes = 33 << 20;

const make = (file: string, into = cache) =>
  makeLayer(
    { name: "weights", entries: [layerFile("opt/weights", { file })] },
    { cache: into, time: layerFileTime, signal: neverStopped() },
  );

test("a large layer is the same when it is new, found by its file, and found by its contents", async () => {
  const file = join(scratch, "weights");
  writeFileSync(file, randomBytes(largeBytes));
  const first = await make(file);
  expect(await make(file)).toEqual(first);
  const copy = join(scratch, "copy");
  copyFileSync(file, copy);
  expect(await make(copy)).toEqual(first);
  expect(await make(copy, await BlobCache.open(join(scratch, "other")))).toEqual(first);
});

test("a large file that is replaced by one of the same size and time gives another layer", async () => {
  const file = join(scratch, "weights");
  writeFileSync(file, randomBytes(largeBytes));
  const time = new Date("2020-01-01T00:00:00Z");
  utimesSync(file, time, time);
  const first = await make(file);
  const other = join(scratch, "other");
  writeFileSync(other, randomBytes(largeBytes));
  utimesSync(other, time, time);
  renameSync(other, file);
  expect((await make(file)).diffId).not.toBe(first.diffId);
});

test("a layer whose blob is gone is made again", async () => {
  const file = join(scratch, "weights");
  writeFileSync(file, randomBytes(largeBytes));
  const first = await make(file);
  rmSync(cache.blobFile(first.digest));
  expect(await make(file)).toEqual(first);
  expect(await cache.has(first)).toBe(true);
});

test("a file that was written just now is read again, because it could change without another time", async () => {
  onTestFinished(() => void vi.useRealTimers());
  vi.useRealTimers();
  const file = join(scratch, "weights");
  writeFileSync(file, randomBytes(largeBytes));
  const first = await make(file);
  writeFileSync(file, randomBytes(largeBytes));
  expect((await make(file)).diffId).not.toBe(first.diffId);
});

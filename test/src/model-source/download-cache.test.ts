import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HttpClient, type HttpClientOptions } from "../../../src/download/http-client.js";
import { ContentStore } from "../../../src/model-source/content-store.js";
import { DownloadCache, type DownloadRequest } from "../../../src/model-source/download-cache.js";
import { hex, modelZip } from "../../support/model/model-zip.js";
import { type Answer, FileServer, file, silence, status } from "../../support/network/file-server.js";
import { neverStopped } from "../../support/never-stopped.js";
import { RecordedProgress } from "../../support/programs/recorded-progress.js";

const path = "/records/1/files/model.zip";
const zip = modelZip(3_000_000);
const otherZip = modelZip(3_000_000, 2);
const published = { size: zip.length, digest: { algorithm: "md5", hex: hex("md5", zip) } };
/** Short pauses, so that a test of six attempts takes milliseconds. The rule is the real one. */
const quickRetry = { attempts: 4, firstDelayMs: 2, maxDelayMs: 10, maxRetryAfterMs: 300_000 };

let folder = "";
let server: FileServer;
let progress: RecordedProgress;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "download-cache-"));
  server = await FileServer.start();
  progress = new RecordedProgress();
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/**
 * For tests in which a server stops sending. In other tests, a busy machine must not look like a silent
 * server.
 */
const quickSilence = { idleTimeoutMs: 1000 };

async function newCache(options: Partial<HttpClientOptions> = {}): Promise<DownloadCache> {
  const { signal = neverStopped() } = options;
  const store = await ContentStore.open(folder, progress, signal);
  return new DownloadCache(store, new HttpClient({ progress, retry: quickRetry, ...options, signal }));
}

function request(changes: Partial<DownloadRequest> = {}): DownloadRequest {
  return { url: server.url(path), label: "model.zip", published: null, lockedSha256: null, ...changes };
}

/**
 * The first byte that each request asked for is at most 5 % before the position where the connection was cut.
 */
function expectStarts(cuts: readonly number[]): void {
  const starts = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? "0")?.[0]));
  expect(starts).toHaveLength(cuts.length);
  for (const [i, cut] of cuts.entries()) {
    expect(starts[i]).toBeLessThanOrEqual(cut);
    // Bytes in the stream buffers of a cut connection do not reach the disk.
    expect(starts[i]).toBeGreaterThanOrEqual(0.7 * cut);
  }
}
const cachedFiles = () => readdir(join(folder, "files"));

describe("a download", () => {
  test("arrives byte for byte, with its progress in bytes", async () => {
    server.on(path, file(zip, { msPerChunk: 1 }));
    const stored = await (await newCache()).obtain(request({ published }));
    expect((await readFile(stored.file)).equals(zip)).toBe(true);
    expect(stored).toMatchObject({ size: zip.length, sha256: hex("sha256", zip) });
    const bar = progress.tasks.find(({ label }) => label === "downloading model.zip");
    expect(bar).toMatchObject({ total: zip.length, advanced: zip.length, unit: "bytes", isDone: true });
  });

  test("arrives even without an announced length", async () => {
    server.on(path, file(zip, { chunked: true }));
    const stored = await (await newCache()).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", zip));
  });

  test("continues where the connection broke", async () => {
    server.on(path, file(zip, { dropAfter: 1_000_000 }), file(zip, { dropAfter: 1_000_000 }), file(zip));
    const stored = await (await newCache()).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", zip));
    expectStarts([0, 1_000_000, 2_000_000]);
    expect(server.requests[1]?.ifRange).toBe('"v1"');
    expect(progress.notes[0]).toMatch(/model\.zip: the connection .*trying again/);
  });

  test("continues as often as needed while bytes arrive", async () => {
    server.on(path, file(zip, { dropAfter: 200_000 }));
    const stored = await (await newCache({ retry: { ...quickRetry, attempts: 2 } })).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", zip));
    expect(server.requests.length).toBeGreaterThanOrEqual(15);
  });

  test("continues in a later run", async () => {
    server.on(path, file(zip, { dropAfter: 2_000_000 }), status(503));
    await expect((await newCache()).obtain(request())).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
    server.on(path, file(zip));
    const stored = await (await newCache()).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", zip));
    expectStarts([0, 2_000_000, 2_000_000, 2_000_000, 2_000_000]);
  });

  test("starts again if the server cannot send parts", async () => {
    server.on(
      path,
      file(zip, { dropAfter: 1_000_000, ignoresRange: true }),
      file(zip, { ignoresRange: true }),
    );
    const stored = await (await newCache()).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", zip));
  });

  test("starts again if it is unknown whether the part has the same version", async () => {
    server.on(path, file(zip, { dropAfter: 1_000_000, etag: null }), file(zip, { etag: null }));
    await (await newCache()).obtain(request());
    expectStarts([0, 0]);
  });

  test("starts again if the file changed between two parts", async () => {
    server.on(path, file(zip, { dropAfter: 1_000_000 }), file(otherZip, { etag: '"v2"' }));
    const stored = await (await newCache()).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", otherZip));
  });

  test("is not a mixture of two versions when the server mixes them", async () => {
    server.on(path, file(otherZip, { dropAfter: 1_000_000 }), file(zip, { ignoresIfRange: true }));
    const stored = await (await newCache()).obtain(request({ published }));
    expect(stored.sha256).toBe(hex("sha256", zip));
    expectStarts([0, 1_000_000, 0]);
    expect(progress.notes.at(-1)).toMatch(/starts again/);
  });

  test("follows a redirect and asks the redirecting address again for the next part", async () => {
    server.on(path, status(302, { location: "/elsewhere" }));
    server.on("/elsewhere", file(zip, { dropAfter: 1_500_000 }), file(zip));
    const stored = await (await newCache()).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", zip));
    expect(server.requests.map((seen) => seen.path)).toEqual([path, "/elsewhere", path, "/elsewhere"]);
  });
});

describe("a server that is busy", () => {
  test.each<{ name: string; first: Answer; options?: Partial<HttpClientOptions> }>([
    { name: "429", first: status(429) },
    { name: "403", first: status(403) },
    { name: "503", first: status(503) },
    { name: "500 with a page", first: status(500, { "content-type": "text/html" }, "<html>") },
    { name: "silence", first: silence, options: quickSilence },
    { name: "silence in the middle", first: file(zip, { stallAfter: 500_000 }), options: quickSilence },
    { name: "a cut connection", first: (_request, response) => void response.destroy() },
  ])("is asked again after $name", async ({ first, options }) => {
    server.on(path, first, file(zip));
    const stored = await (await newCache(options)).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", zip));
    expect(server.requests.length).toBe(2);
    expect(progress.notes).toHaveLength(1);
  });

  test("is left alone for as long as it asks", async () => {
    server.on(path, status(429, { "retry-after": "1" }), file(zip));
    const start = performance.now();
    await (await newCache()).obtain(request());
    expect(performance.now() - start).toBeGreaterThanOrEqual(1000);
  });

  test("is not waited for if it asks for a day", async () => {
    server.on(path, status(429, { "retry-after": "86400" }), file(zip));
    await expect((await newCache()).obtain(request())).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringContaining("86400 s"),
    });
    expect(server.requests).toHaveLength(1);
  });

  test("is given up after the last attempt, with its reason", async () => {
    server.on(path, status(503));
    await expect((await newCache()).obtain(request())).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(/answers 503 \(4 attempts\); the file is at http:\S+\.zip$/),
    });
    expect(server.requests).toHaveLength(4);
  });
});

describe("a failure that a retry cannot fix is reported immediately", () => {
  test.each<{ name: string; answer: Answer; code: string; says: RegExp }>([
    { name: "404", answer: status(404), code: "SOURCE_NOT_FOUND", says: /no such file/ },
    { name: "401", answer: status(401), code: "DOWNLOAD_FAILED", says: /answers 401/ },
    {
      name: "a web page instead of a zip",
      answer: status(200, { "content-type": "text/html" }, "<html><head><title>Please\n log in</title>"),
      code: "DOWNLOAD_NOT_ARCHIVE",
      says: /web page titled "Please log in"/,
    },
    {
      name: "a page that claims to be a zip",
      answer: status(200, { "content-type": "application/zip" }, "<!DOCTYPE html><html>"),
      code: "DOWNLOAD_NOT_ARCHIVE",
      says: /a web page/,
    },
    {
      name: "something that is not a zip",
      answer: status(200, {}, "hello, world"),
      code: "DOWNLOAD_NOT_ARCHIVE",
      says: /not a zip/,
    },
    {
      name: "a length other than the published one",
      answer: file(zip.subarray(0, 2_000_000)),
      code: "DOWNLOAD_CORRUPT",
      says: /announces 2000000 bytes, but/,
    },
    {
      name: "more bytes than the published size",
      answer: file(Buffer.concat([zip, zip]), { chunked: true }),
      code: "DOWNLOAD_CORRUPT",
      says: /more than the/,
    },
    {
      name: "a length that no disk has",
      answer: file(zip, { announcedLength: 2 ** 52 }),
      code: "DISK_FULL",
      says: /more than the free space/,
    },
    {
      name: "a redirect to plain http elsewhere",
      answer: status(302, { location: "http://example.com/model.zip" }),
      code: "SOURCE_INVALID",
      says: /not https/,
    },
  ])("$name", async ({ name, answer, code, says }) => {
    server.on(path, answer);
    const obtained = (await newCache()).obtain(request(name.includes("published") ? { published } : {}));
    await expect(obtained).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
    expect(server.requests).toHaveLength(1);
    expect(await cachedFiles()).toEqual([]);
  });

  test("plain http to another machine", async () => {
    const url = new URL("http://192.0.2.1/model.zip");
    await expect((await newCache()).obtain(request({ url }))).rejects.toMatchObject({
      code: "SOURCE_INVALID",
    });
  });
});

describe("wrong bytes never reach the cache", () => {
  test("a server that promises more than it sends is given up", async () => {
    server.on(path, file(zip, { announcedLength: zip.length + 1000, etag: null, ignoresRange: true }));
    await expect((await newCache(quickSilence)).obtain(request())).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringContaining(`after ${zip.length} of ${zip.length + 1000} bytes`),
    });
    expect(await cachedFiles()).toEqual([]);
  });

  test("a checksum other than the published one", async () => {
    server.on(path, file(otherZip));
    await expect((await newCache()).obtain(request({ published }))).rejects.toMatchObject({
      code: "DOWNLOAD_CORRUPT",
      message: expect.stringContaining(published.digest.hex),
    });
    expect(await cachedFiles()).toEqual([]);
    expect(await readdir(join(folder, "partial"))).toEqual([]);
  });

  test("a zip whose end is missing, from a server that announces the shorter length", async () => {
    server.on(path, file(zip.subarray(0, -100)));
    await expect((await newCache()).obtain(request())).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
      message: expect.stringMatching(/^model\.zip: .*truncated/),
    });
    expect(await cachedFiles()).toEqual([]);
  });

  test("other bytes than the locked ones", async () => {
    server.on(path, file(otherZip));
    await expect(
      (await newCache()).obtain(request({ lockedSha256: hex("sha256", zip) })),
    ).rejects.toMatchObject({
      code: "SOURCE_CHANGED",
      message: expect.stringContaining(hex("sha256", otherZip)),
    });
    expect(await cachedFiles()).toEqual([]);
  });
});

describe("the cache", () => {
  test("needs no network for a file with the published checksum", async () => {
    server.on(path, file(zip));
    await (await newCache()).obtain(request({ published }));
    await (await newCache()).obtain(request({ published }));
    expect(server.requests).toHaveLength(1);
  });

  test("needs no network for a locked file", async () => {
    server.on(path, file(zip));
    const { sha256 } = await (await newCache()).obtain(request());
    await (await newCache()).obtain(request({ lockedSha256: sha256 }));
    expect(server.requests).toHaveLength(1);
  });

  test("asks whether an unlocked file has changed, and uses the new one", async () => {
    server.on(path, file(zip));
    await (await newCache()).obtain(request());
    await (await newCache()).obtain(request());
    expect(server.requests.map(({ ifNoneMatch }) => ifNoneMatch)).toEqual([null, '"v1"']);
    server.on(path, file(otherZip, { etag: '"v2"' }));
    const stored = await (await newCache()).obtain(request());
    expect(stored.sha256).toBe(hex("sha256", otherZip));
  });

  test("refuses a change that the lock does not allow, even for a cached file", async () => {
    server.on(path, file(zip));
    await (await newCache()).obtain(request({ published }));
    const obtained = (await newCache()).obtain(request({ published, lockedSha256: hex("sha256", otherZip) }));
    await expect(obtained).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
  });

  test("detects a damaged file and downloads it again", async () => {
    server.on(path, file(zip));
    const stored = await (await newCache()).obtain(request({ published }));
    const damaged = Buffer.from(zip);
    damaged[1_000_000]! ^= 1;
    await rm(stored.file);
    await writeFile(stored.file, damaged);
    const again = await (await newCache()).obtain(request({ published }));
    expect((await readFile(again.file)).equals(zip)).toBe(true);
    expect(progress.notes).toEqual(["model.zip: the copy in the cache is damaged and is removed"]);
  });

  test("keeps no more than two downloads going at once", async () => {
    const names = ["/a.zip", "/b.zip", "/c.zip", "/d.zip", "/e.zip"];
    for (const [i, name] of names.entries())
      server.on(name, file(modelZip(400_000, i + 1), { msPerChunk: 20 }));
    const cache = await newCache();
    const stored = await Promise.all(names.map((name) => cache.obtain(request({ url: server.url(name) }))));
    expect(new Set(stored.map(({ sha256 }) => sha256)).size).toBe(5);
    expect(server.mostAtOnce).toBe(2);
  });

  test("downloads once if two callers need the same file", async () => {
    server.on(path, file(zip, { msPerChunk: 1 }));
    const caches = [await newCache(), await newCache()];
    await Promise.all(caches.map((cache) => cache.obtain(request({ published }))));
    expect(server.requests).toHaveLength(1);
  });
});

test("a stopped download is reported and is continued by the next run", async () => {
  const stop = new AbortController();
  server.on(path, async (incoming, response) => {
    await file(zip, { stallAfter: 1_000_000 })(incoming, response);
    setImmediate(() => stop.abort());
  });
  const obtained = (await newCache({ signal: stop.signal })).obtain(request({ published }));
  await expect(obtained).rejects.toMatchObject({ code: "INTERRUPTED" });
  server.on(path, file(zip));
  const stored = await (await newCache()).obtain(request({ published }));
  expect(stored.sha256).toBe(hex("sha256", zip));
});

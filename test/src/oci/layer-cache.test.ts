import { existsSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { cacheLimitBytes } from "../../../src/model-source/cache-folder.js";
import { BlobCache, type CachedLayer } from "../../../src/oci/blob-cache.js";
import { withLayerCache } from "../../../src/oci/layer-cache.js";
import { neverStopped } from "../../support/never-stopped.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

const layerBytes = 1000;
let folder = "";

beforeEach(() => {
  folder = join(scratchFolder(), "layers");
});

const within = <T>(limitBytes: number, work: (cache: BlobCache) => Promise<T>): Promise<T> =>
  withLayerCache({ folder, limitBytes, progress: silentProgress, signal: neverStopped() }, work);

/** Creates a layer that was last used some days ago. */
async function earlierLayer(name: string, daysAgo: number): Promise<CachedLayer> {
  const cache = await BlobCache.open(folder);
  const layer = await use(cache, name);
  const time = new Date(Date.now() - daysAgo * 86_400_000);
  utimesSync(cache.blobFile(layer.digest), time, time);
  return layer;
}

const use = (cache: BlobCache, name: string): Promise<CachedLayer> =>
  cache.layer(name, async () => {
    const blob = await cache.write(Readable.from([Buffer.alloc(layerBytes, name)]), neverStopped());
    return { ...blob, diffId: blob.digest };
  });

const isThere = ({ digest }: CachedLayer): boolean =>
  existsSync(join(folder, "blobs", digest.replace("sha256:", "")));

describe("the cache of layers", () => {
  test("removes the least recently used layers until the rest fits", async () => {
    const [oldest, older, recent] = [
      await earlierLayer("oldest", 3),
      await earlierLayer("older", 2),
      await earlierLayer("recent", 1),
    ];
    await within(2 * layerBytes, (cache) => use(cache, "oldest"));
    expect([oldest, older, recent].map(isThere)).toEqual([true, false, true]);
    await within(layerBytes, () => Promise.resolve());
    expect([oldest, older, recent].map(isThere)).toEqual([true, false, false]);
  });

  test("makes removed layers again", async () => {
    const layer = await earlierLayer("layer", 1);
    await within(0, () => Promise.resolve());
    expect(readdirSync(join(folder, "records"))).toEqual([]);
    expect(await within(layerBytes, (cache) => use(cache, "layer"))).toEqual(layer);
    expect(isThere(layer)).toBe(true);
  });

  test("keeps everything below its limit", async () => {
    const layer = await earlierLayer("layer", 400);
    await within(layerBytes, () => Promise.resolve());
    expect(isThere(layer)).toBe(true);
    expect(readdirSync(join(folder, "records"))).toHaveLength(1);
  });

  test("removes nothing while another build uses it, but after the last one", async () => {
    const layer = await earlierLayer("layer", 1);
    await within(0, async (cache) => {
      await within(0, () => Promise.resolve());
      expect(await use(cache, "layer")).toEqual(layer);
      expect(isThere(layer)).toBe(true);
    });
    expect(isThere(layer)).toBe(false);
  });

  test("is not blocked by a build that was killed, and removes its unfinished files", async () => {
    const layer = await earlierLayer("layer", 1);
    await within(layerBytes, () => Promise.resolve());
    const goneProcess = 2 ** 22 + 1; // above the largest process id of Linux and macOS
    const owner = JSON.stringify({ pid: goneProcess, host: hostname(), token: "x" });
    writeFileSync(join(folder, "users", "killed"), owner);
    writeFileSync(join(folder, "partial", "half"), "unfinished");
    await within(0, () => Promise.resolve());
    expect(isThere(layer)).toBe(false);
    for (const part of ["users", "partial"]) expect(readdirSync(join(folder, part)), part).toEqual([]);
  });
});

describe("BUILD_PROCESSOR_CACHE_GB", () => {
  test.each([
    { text: undefined, bytes: 20e9 },
    { text: "0", bytes: 0 },
    { text: "2.5", bytes: 2.5e9 },
  ])("$text is a limit of $bytes bytes", ({ text, bytes }) => {
    expect(cacheLimitBytes({ BUILD_PROCESSOR_CACHE_GB: text })).toBe(bytes);
  });

  test.each(["much", "-1", "20GB"])("%s is refused", (text) => {
    expect(() => cacheLimitBytes({ BUILD_PROCESSOR_CACHE_GB: text })).toThrow(/BUILD_PROCESSOR_CACHE_GB=/);
  });
});

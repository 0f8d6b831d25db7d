import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readImageArchive } from "../../../src/oci/read-image-archive.js";
import { tarEnd, tarHeader, tarPadding } from "../../../src/oci/tar-header.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

interface Part {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** The size that the header claims. */
  readonly sizeBytes?: number;
}

const tar = (parts: readonly Part[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap(({ path, bytes, sizeBytes }) => [
      header(path, sizeBytes ?? bytes.length),
      bytes,
      tarPadding(bytes.length),
    ]),
    tarEnd(),
  ]);

const header = (path: string, sizeBytes: number): Buffer =>
  tarHeader({ path, sizeBytes, kind: "file", mode: 0o644, time: new Date(0) });

const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } };
const wanted = "opt/manifest.json";

/** Creates an image of these layers, the lowest first. */
function imageOf(layers: readonly Uint8Array[]): string {
  const names = layers.map((_, i) => `layer-${i}`);
  const manifest = [{ Config: "config.json", RepoTags: ["a/b:1"], Layers: names }];
  const file = join(scratchFolder(), "image.tar");
  const parts = [
    ...layers.map((bytes, i) => ({ path: names[i]!, bytes })),
    { path: "config.json", bytes: Buffer.from(JSON.stringify(config)) },
    { path: "manifest.json", bytes: Buffer.from(JSON.stringify(manifest)) },
  ];
  writeFileSync(file, tar(parts));
  return file;
}

const layer = (text: string): Buffer => tar([{ path: wanted, bytes: Buffer.from(text) }]);

describe("a file of an image archive", () => {
  test("comes from the topmost layer that contains it, compressed or not", async () => {
    const image = imageOf([layer("below"), gzipSync(layer("above")), tar([])]);
    expect((await readImageArchive(image, wanted)).file?.toString()).toBe("above");
    const other = imageOf([gzipSync(layer("below")), layer("above")]);
    expect((await readImageArchive(other, wanted)).file?.toString()).toBe("above");
  });

  test.each([
    ["noise", Buffer.alloc(4096, 0x5a)],
    ["gzip of noise", gzipSync(Buffer.alloc(4096, 0x5a))],
    ["a gzip that ends too early", gzipSync(layer("x")).subarray(0, 40)],
    ["an entry that claims 8 GB", tar([{ path: "big", bytes: Buffer.alloc(0), sizeBytes: 2 ** 33 - 1 }])],
    ["a layer of nothing", Buffer.alloc(0)],
  ])("is found next to %s", async (_, damaged) => {
    const { file, imageName } = await readImageArchive(imageOf([layer("found"), damaged]), wanted);
    expect([file?.toString(), imageName]).toEqual(["found", "a/b:1"]);
  });

  test("is not searched in a layer that unpacks to ten gigabytes", async () => {
    const zeros = Buffer.alloc(2 ** 20);
    const big = [header("zeros", 2 ** 31), ...Array.from({ length: 32 }, () => zeros)];
    const bomb = gzipSync(Buffer.concat([...big, layer("hidden")]));
    const before = process.memoryUsage().rss;
    expect((await readImageArchive(imageOf([bomb]), wanted)).file).toBeNull();
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });
});

describe("a file that is not an image archive is IMAGE_FILE_INVALID:", () => {
  const invalid = { code: "IMAGE_FILE_INVALID" };

  test.each([
    ["a tar without manifest.json", tar([{ path: "readme", bytes: Buffer.from("hello") }])],
    ["a manifest that is not JSON", tar([{ path: "manifest.json", bytes: Buffer.from("[{") }])],
    ["a manifest of no image", tar([{ path: "manifest.json", bytes: Buffer.from("[]") }])],
    ["a manifest of null", tar([{ path: "manifest.json", bytes: Buffer.from("[null]") }])],
    ["gzip of a text", gzipSync(Buffer.from("hello"))],
    ["truncated gzip of an image", gzipSync(layer("x")).subarray(0, -20)],
  ])("%s", async (_, bytes) => {
    const file = join(scratchFolder(), "image.tar");
    writeFileSync(file, bytes);
    await expect(readImageArchive(file, wanted)).rejects.toMatchObject(invalid);
  });

  test("a truncated image", async () => {
    const file = imageOf([layer("x"), layer("y")]);
    truncateSync(file, 3000);
    await expect(readImageArchive(file, wanted)).rejects.toMatchObject(invalid);
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../processor/image-io/read-image.js";
import { repositoryRoot } from "../../support/golden.js";
import { longType, tiffPage as page, shortType, tiff } from "../../support/tiff-builder.js";

const fixtures = join(repositoryRoot, "test", "fixtures", "tiff");
const scratch = mkdtempSync(join(tmpdir(), "read-tiff-faults-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const fixture = (name: string): Buffer => readFileSync(join(fixtures, name));

async function codeOf(name: string, content: Uint8Array): Promise<string> {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return readImage(path).then(
    () => "read",
    (error: { code?: string; stack?: string }) => error.code ?? error.stack ?? "",
  );
}

describe("a file that ends early is refused", () => {
  const names = readdirSync(fixtures).filter((name) => !/\.(json|md)$/.test(name));

  // The last bytes of some files are a software's name, or another image.
  test.each(names)("%s cut anywhere is refused or gives every voxel", async (name) => {
    const content = fixture(name);
    const whole = await readImage(join(fixtures, name)).catch(() => null);
    for (let length = 0; length < content.length; length += Math.ceil(content.length / 30)) {
      const path = join(scratch, `cut-${name}`);
      writeFileSync(path, content.subarray(0, length));
      const found = await readImage(path).catch((error: unknown) => error);
      if (found instanceof Error) expect(found).toMatchObject({ code: expect.stringMatching(/^IMAGE_/) });
      else expect(found).toMatchObject({ voxels: whole!.voxels, geometry: whole!.geometry });
    }
  });

  test.each(names.filter((name) => /zlib|lzw|packbits|bmp|rows|flat/.test(name)))(
    "%s without half of its bytes is called cut off",
    async (name) => {
      const content = fixture(name);
      expect(await codeOf(name, content.subarray(0, content.length / 2))).toBe("IMAGE_TRUNCATED");
    },
  );

  test("a damaged piece of a compressed file is refused", async () => {
    const content = fixture("zlib.tiff");
    const data = content.lastIndexOf(Buffer.from([0x78]));
    expect(
      await codeOf("damaged.tif", Buffer.concat([content.subarray(0, data), Buffer.alloc(400)])),
    ).toMatch(/^IMAGE_/);
  });
});

const sixteen = Uint8Array.from({ length: 16 }, (_, i) => i);

describe("what a directory claims is checked before memory is taken for it", () => {
  test("the file that the others are made from is read", async () => {
    const path = join(scratch, "good.tif");
    writeFileSync(path, tiff(sixteen, [page({})]));
    expect((await readImage(path)).voxels).toEqual(sixteen);
  });

  const bomb = deflateSync(Buffer.alloc(1 << 24));
  const described = Buffer.from("ImageJ=1.53t\nimages=1000000000\nslices=1000000000\n\0");
  const shaped = Buffer.from('{"shape": [1000000000000, 4, 4]}\0');
  const contradiction = Buffer.from('{"shape": [5, 5]}\0');
  const withText = (text: Buffer): Buffer =>
    tiff(Buffer.concat([sixteen, text]), [page({ more: [[270, 2, text.length, 24]] })]);

  test.each([
    { name: "16 GB in one strip", content: tiff(sixteen, [page({ width: 2 ** 17, height: 2 ** 17 })]) },
    {
      name: "16 TB in one strip",
      content: tiff(sixteen, [page({ width: 2 ** 22, height: 2 ** 22, bytes: 2 ** 31 })]),
    },
    {
      name: "16 GB in a deflated strip",
      content: tiff(bomb, [page({ width: 2 ** 17, height: 2 ** 17, compression: 8, bytes: bomb.length })]),
    },
    {
      name: "a deflated strip that holds more than its image",
      content: tiff(bomb, [page({ compression: 8, bytes: bomb.length })]),
      code: "IMAGE_INVALID",
    },
    { name: "a strip beyond the end", content: tiff(sixteen, [page({ bytes: 500 })]) },
    {
      name: "4 × 10⁹ strips",
      content: tiff(sixteen, [
        [...page({ height: 2 ** 32 - 1 }).filter(([tag]) => tag !== 278), [278, longType, 1, 1]],
      ]),
    },
    {
      name: "an array of 4 × 10⁹ offsets",
      content: tiff(sixteen, [[...page({}).filter(([tag]) => tag !== 273), [273, longType, 2 ** 32 - 1, 8]]]),
    },
    {
      name: "many pages on the same bytes",
      content: tiff(
        sixteen,
        Array.from({ length: 40 }, () => page({ bytes: 4000, width: 4, height: 1000 })),
      ),
    },
    { name: "directories in a circle", content: tiff(sixteen, [page({})], 24), code: "IMAGE_INVALID" },
    { name: "10⁹ ImageJ slices", content: withText(described) },
    { name: "10¹² slices in its shape", content: withText(shaped) },
    { name: "another shape than its pages", content: withText(contradiction), code: "IMAGE_INVALID" },
    { name: "no width", content: tiff(sixteen, [page({ width: 0 })]), code: "IMAGE_EMPTY" },
    { name: "no page", content: Buffer.from("II*\0\0\0\0\0", "latin1"), code: "IMAGE_EMPTY" },
    { name: "JPEG", content: tiff(sixteen, [page({ compression: 7 })]), code: "IMAGE_UNSUPPORTED" },
    {
      name: "12-bit samples",
      content: tiff(sixteen, [[...page({}).filter(([tag]) => tag !== 258), [258, shortType, 1, 12]]]),
      code: "IMAGE_UNSUPPORTED",
    },
    { name: "another kind of file", content: Buffer.from("GIF89a  "), code: "IMAGE_INVALID" },
  ])("$name", async ({ content, code = "IMAGE_TRUNCATED" }) => {
    const before = process.memoryUsage();
    expect(await codeOf("claim.tif", content)).toBe(code);
    const after = process.memoryUsage();
    // A claim would have cost gigabytes; 64 MB is room for what the test runner itself does.
    expect(after.external + after.heapUsed - before.external - before.heapUsed).toBeLessThan(64 << 20);
  });

  const bmp = (edit: (header: Buffer) => void): Buffer => {
    const content = fixture("grey.bmp");
    edit(content);
    return content;
  };

  test.each([
    {
      name: "of 4 × 10¹⁸ pixels",
      content: bmp((header) => [18, 22].forEach((at) => void header.writeInt32LE(2 ** 31 - 1, at))),
      code: "IMAGE_TRUNCATED",
    },
    {
      name: "without width",
      content: bmp((header) => void header.writeInt32LE(0, 18)),
      code: "IMAGE_EMPTY",
    },
    {
      name: "with a palette of 2³² colours",
      content: bmp((header) => void header.writeUInt32LE(2 ** 32 - 1, 46)),
      code: "IMAGE_INVALID",
    },
    {
      name: "with run-length encoding",
      content: bmp((header) => void header.writeUInt32LE(1, 30)),
      code: "IMAGE_UNSUPPORTED",
    },
    { name: "that is none", content: Buffer.from("GIF89a".padEnd(60)), code: "IMAGE_INVALID" },
  ])("a BMP $name", async ({ content, code }) => {
    expect(await codeOf("claim.bmp", content)).toBe(code);
  });
});

describe("the spacing beside a TIFF volume", () => {
  test.each([
    { name: "two lengths", json: '{"spacing": [1, 2]}' },
    { name: "a length of nothing", json: '{"spacing": [1, 2, 0]}' },
    { name: "text", json: '{"spacing": ["1", "2", "3"]}' },
    { name: "none", json: "{}" },
    { name: "no JSON", json: "spacing: 1 2 3" },
  ])("$name is refused by the name of its file", async ({ json }) => {
    writeFileSync(join(scratch, "volume.json"), json);
    writeFileSync(join(scratch, "volume_0000.tif"), fixture("int16.tif"));
    await expect(readImage(join(scratch, "volume_0000.tif"))).rejects.toMatchObject({
      code: "IMAGE_INVALID",
      message: expect.stringContaining("volume.json"),
    });
  });
});

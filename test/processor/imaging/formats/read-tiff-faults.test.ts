import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { repositoryRoot } from "../../../support/golden.js";
import { longType, tiffPage as page, shortType, tiff } from "../../../support/images/tiff-builder.js";

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
  test.each(names)("%s cut at any byte is refused or gives every voxel", async (name) => {
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
    "%s without half of its bytes is reported as cut off",
    async (name) => {
      const content = fixture(name);
      expect(await codeOf(name, content.subarray(0, content.length / 2))).toBe("IMAGE_TRUNCATED");
    },
  );

  test("a damaged strip of a compressed file is refused", async () => {
    const content = fixture("zlib.tiff");
    const data = content.lastIndexOf(Buffer.from([0x78]));
    expect(
      await codeOf("damaged.tif", Buffer.concat([content.subarray(0, data), Buffer.alloc(400)])),
    ).toMatch(/^IMAGE_/);
  });
});

const sixteen = Uint8Array.from({ length: 16 }, (_, i) => i);

describe("the sizes in a directory are checked before memory is allocated for them", () => {
  test("the file from which the others are made is read", async () => {
    const path = join(scratch, "good.tif");
    writeFileSync(path, tiff(sixteen, [page({})]));
    expect((await readImage(path)).voxels).toEqual(sixteen);
  });

  const bomb = deflateSync(Buffer.alloc(1 << 24));
  const described = Buffer.from("ImageJ=1.53t\nimages=1000000000\nslices=1000000000\n\0");
  const shaped = Buffer.from('{"shape": [1000000000000, 4, 4]}\0');
  const contradiction = Buffer.from('{"shape": [5, 5]}\0');
  /** Makes a file with a thousand pages that all refer to the same bytes. */
  const sharing = (tag: number, type: number, count: number): Buffer => {
    const shared = Buffer.alloc(count * (type === longType ? 4 : type === shortType ? 2 : 1), 1);
    const fields = [
      ...page({ bytes: 0 }).filter(([other]) => other !== tag),
      [tag, type, count, 24] as const,
    ];
    const pages = Array.from({ length: 1000 }, () => fields);
    return tiff(Buffer.concat([sixteen, shared]), pages);
  };
  /** Makes directories of 60,000 entries, each of which begins 12 bytes after the previous one. */
  const overlapping = (count: number): Buffer => {
    const content = Buffer.alloc(800_000);
    content.write("II*\0", "latin1");
    content.writeUInt32LE(8, 4);
    for (let i = 0, at = 8; i < count; i++, at += 12) {
      content.writeUInt16LE(60_000, at);
      content.writeUInt32LE(at + 12, at + 2 + 60_000 * 12);
    }
    tiff(new Uint8Array(0), [page({ bytes: 16 })]).copy(content, 8 + 12 * count + 2, 10);
    return content;
  };
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
    { name: "a shape that differs from its pages", content: withText(contradiction), code: "IMAGE_INVALID" },
    {
      name: "negative slices in its shape",
      content: withText(Buffer.from('{"shape": [-1, -4, 4]}\0')),
      code: "IMAGE_INVALID",
    },
    {
      name: "a shape of a million brackets",
      content: withText(Buffer.from(`{"shape": ${"[".repeat(1e6)}${"]".repeat(1e6)}}\0`)),
      code: "IMAGE_INVALID",
    },
    { name: "a description that all pages share", content: sharing(270, 2, 100_000), code: "IMAGE_INVALID" },
    {
      name: "a list of numbers that all pages share",
      content: sharing(338, shortType, 100_000),
      code: "IMAGE_INVALID",
    },
    {
      name: "a list of strips that all pages share",
      content: sharing(273, longType, 25_000),
      code: "IMAGE_INVALID",
    },
    { name: "directories that overlap", content: overlapping(1000), code: "IMAGE_INVALID" },
    {
      name: "more slices than pages, and a width of 0/0",
      content: tiff(Buffer.from('\0\0\0\0\0\0\0\0{"shape": [2, 4, 4]}\0'), [
        [[256, 5, 1, 8], ...page({ bytes: 0, more: [[270, 2, 21, 16]] }).slice(1)],
      ]),
      code: "IMAGE_INVALID",
    },
    { name: "no width", content: tiff(sixteen, [page({ width: 0 })]), code: "IMAGE_EMPTY" },
    { name: "no page", content: Buffer.from("II*\0\0\0\0\0", "latin1"), code: "IMAGE_EMPTY" },
    ...[
      { name: "CCITT", compression: 4 },
      { name: "LZMA", compression: 34925 },
      { name: "Zstandard, shorter than any data that can be read", compression: 50000 },
    ].map(({ name, compression }) => ({
      name,
      content: tiff(sixteen, [page({ width: 100, height: 100, compression })]),
      code: "IMAGE_UNSUPPORTED",
    })),
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
    // Allocating the announced sizes would have taken gigabytes. The limit of 64 MB leaves room for the test runner
    // itself.
    expect(after.external + after.heapUsed - before.external - before.heapUsed).toBeLessThan(64 << 20);
  });

  test("an OME description of many elements is searched once", async () => {
    const text = Buffer.from(`${"<Pixels".repeat(150_000)}\0`);
    const start = performance.now();
    expect(await codeOf("ome.tif", withText(text))).toBe("read");
    // A search from each element would take minutes.
    expect(performance.now() - start).toBeLessThan(5000);
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
    { name: "that is not a BMP", content: Buffer.from("GIF89a".padEnd(60)), code: "IMAGE_INVALID" },
  ])("a BMP $name", async ({ content, code }) => {
    expect(await codeOf("claim.bmp", content)).toBe(code);
  });
});

describe("the spacing next to a TIFF volume", () => {
  test.each([
    { name: "two lengths", json: '{"spacing": [1, 2]}' },
    { name: "a length of 0", json: '{"spacing": [1, 2, 0]}' },
    { name: "text", json: '{"spacing": ["1", "2", "3"]}' },
    { name: "no spacing", json: "{}" },
    { name: "no JSON", json: "spacing: 1 2 3" },
  ])("$name is refused with the name of its file", async ({ json }) => {
    writeFileSync(join(scratch, "volume.json"), json);
    writeFileSync(join(scratch, "volume_0000.tif"), fixture("int16.tif"));
    await expect(readImage(join(scratch, "volume_0000.tif"))).rejects.toMatchObject({
      code: "IMAGE_INVALID",
      message: expect.stringContaining("volume.json"),
    });
  });
});

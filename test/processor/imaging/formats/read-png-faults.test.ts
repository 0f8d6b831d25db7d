import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { deflatedRows, png, pngChunk, pngHeaderChunk } from "../../../support/images/png-builder.js";

const scratch = mkdtempSync(join(tmpdir(), "read-png-faults-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const end = pngChunk("IEND");
const header = (width: number, height: number, more = {}) => pngHeaderChunk({ width, height, ...more });
const data = (bytes: Uint8Array) => pngChunk("IDAT", bytes);

/** Four rows of four pixels, each with a different filter; only the average filter is not used. */
const rows = [
  [0, 1, 2, 3, 4],
  [1, 1, 1, 1, 1],
  [2, 1, 1, 1, 1],
  [4, 0, 0, 0, 250],
];
const stream = deflatedRows(rows);

async function found(content: Uint8Array): Promise<string | readonly number[]> {
  const path = join(scratch, "image.png");
  writeFileSync(path, content);
  return readImage(path).then(
    ({ voxels }) => Array.from(voxels, Number),
    (error: { code?: string; stack?: string }) => error.code ?? error.stack ?? "",
  );
}

const pixels = [1, 2, 3, 4, 1, 2, 3, 4, 2, 3, 4, 5, 2, 3, 4, 255];

describe("a PNG whose image data is whole is read", () => {
  test.each([
    { name: "in one chunk", content: png(header(4, 4), data(stream), end) },
    {
      name: "in chunks of one byte and empty chunks",
      content: png(
        header(4, 4),
        ...Array.from(stream, (_, i) =>
          Buffer.concat([data(new Uint8Array(0)), data(stream.subarray(i, i + 1))]),
        ),
        end,
      ),
    },
    {
      name: "next to ancillary chunks",
      content: png(header(4, 4), pngChunk("gAMA", Buffer.alloc(4)), data(stream), pngChunk("tEXt"), end),
    },
    { name: "with bytes after its end", content: png(header(4, 4), data(stream), end, Buffer.alloc(20)) },
  ])("$name", async ({ content }) => {
    expect(await found(content)).toEqual(pixels);
  });
});

describe("image data that is not what the header announces is refused", () => {
  const twoHeaders = (first: Buffer, second: Buffer) => png(first, second, data(stream), end);
  test.each([
    { name: "one row is missing", content: png(header(4, 5), data(stream), end), code: "IMAGE_TRUNCATED" },
    {
      name: "the last pixel is missing",
      content: png(header(4, 4), data(deflateSync(Uint8Array.from(rows.flat().slice(0, -1)))), end),
      code: "IMAGE_TRUNCATED",
    },
    { name: "one row too many", content: png(header(4, 3), data(stream), end), code: "IMAGE_INVALID" },
    ...[1, 2, 3, 4, 10].map((missing) => ({
      name: `${missing} bytes of the stream are missing`,
      content: png(header(4, 4), data(stream.subarray(0, -missing)), end),
      code: "IMAGE_TRUNCATED",
    })),
    {
      name: "the stream's checksum is wrong",
      content: png(header(4, 4), data(Buffer.concat([stream.subarray(0, -1), Buffer.from([1])])), end),
      code: "IMAGE_TRUNCATED",
    },
    { name: "no image data", content: png(header(4, 4), end), code: "IMAGE_INVALID" },
    { name: "no end", content: png(header(4, 4), data(stream)), code: "IMAGE_TRUNCATED" },
    {
      name: "an unknown filter",
      content: png(header(4, 1), data(deflatedRows([[5, 1, 2, 3, 4]])), end),
      code: "IMAGE_INVALID",
    },
    {
      name: "a second, smaller header",
      content: twoHeaders(header(8, 8), header(4, 4)),
      code: "IMAGE_INVALID",
    },
    {
      name: "a second, larger header",
      content: twoHeaders(header(1, 1), header(4, 4)),
      code: "IMAGE_INVALID",
    },
    { name: "the same header twice", content: twoHeaders(header(4, 4), header(4, 4)), code: "IMAGE_INVALID" },
    {
      name: "a header after the image data",
      content: png(header(4, 4), data(stream), header(4, 4), end),
      code: "IMAGE_INVALID",
    },
    {
      name: "a header that is not first",
      content: png(pngChunk("gAMA", Buffer.alloc(4)), header(4, 4), data(stream), end),
      code: "IMAGE_INVALID",
    },
    {
      name: "image data in two places",
      content: png(header(4, 4), data(stream), pngChunk("tEXt"), data(stream), end),
      code: "IMAGE_INVALID",
    },
    {
      name: "two palettes",
      content: png(
        header(4, 4, { colourType: 3 }),
        pngChunk("PLTE", Buffer.alloc(6)),
        pngChunk("PLTE", Buffer.alloc(6)),
        data(stream),
        end,
      ),
      code: "IMAGE_INVALID",
    },
    {
      name: "no palette where one is needed",
      content: png(header(4, 4, { colourType: 3 }), data(stream), end),
      code: "IMAGE_INVALID",
    },
    {
      name: "a palette after the image data",
      content: png(header(4, 4), data(stream), pngChunk("PLTE", Buffer.alloc(6)), end),
      code: "IMAGE_INVALID",
    },
    {
      name: "a critical chunk that PNG does not define",
      content: png(header(4, 4), pngChunk("CgBI", Buffer.alloc(4)), data(stream), end),
      code: "IMAGE_UNSUPPORTED",
    },
    {
      name: "a chunk with a wrong checksum",
      content: png(header(4, 4), Buffer.concat([data(stream).subarray(0, -1), Buffer.from([0])]), end),
      code: "IMAGE_INVALID",
    },
    {
      name: "three bits per sample",
      content: png(header(4, 4, { bitDepth: 3 }), data(stream), end),
      code: "IMAGE_INVALID",
    },
    {
      name: "colours as type 5",
      content: png(header(4, 4, { colourType: 5 }), data(stream), end),
      code: "IMAGE_INVALID",
    },
    { name: "no width", content: png(header(0, 4), data(stream), end), code: "IMAGE_EMPTY" },
  ])("$name", async ({ content, code }) => {
    expect(await found(content)).toBe(code);
  });
});

describe("a PNG bomb is refused before memory is allocated for it", () => {
  test.each([
    {
      name: "more pixels than nnU-Net's own reader accepts",
      content: png(header(16384, 16384, { bitDepth: 1 }), data(deflateSync(Buffer.alloc(1 << 20))), end),
      code: "IMAGE_UNSUPPORTED",
    },
    {
      name: "more bytes than deflate can give",
      content: png(header(13000, 13000, { bitDepth: 16, colourType: 6 }), data(stream), end),
      code: "IMAGE_TRUNCATED",
    },
    {
      name: "a stream that continues after the last row",
      content: png(header(4, 4), data(deflateSync(Buffer.alloc(1 << 28))), end),
      code: "IMAGE_INVALID",
    },
  ])("$name", async ({ content, code }) => {
    const before = process.memoryUsage();
    expect(await found(content)).toBe(code);
    const after = process.memoryUsage();
    // The limit of 64 MB leaves room for the test runner itself.
    expect(after.external + after.heapUsed - before.external - before.heapUsed).toBeLessThan(64 << 20);
  });
});

import { describe, expect, it } from "vitest";
import { readTar } from "../../../processor/files/tar/read-tar.js";
import { tarEnd, tarHeader, tarPadding } from "../../../src/oci/tar-header.js";

/** Returns a header with one field changed, and the checksum of the result. */
function header(
  sizeBytes: number,
  { path = "a", type = "0", change = (_block: Buffer): void => {} } = {},
): Buffer {
  const block = tarHeader({ path, kind: "file", mode: 0o644, sizeBytes, time: new Date(0) });
  block.write(type, 156, "latin1");
  change(block);
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

const padded = (text: string): Buffer =>
  Buffer.concat([Buffer.from(text), tarPadding(Buffer.byteLength(text))]);
const file = (path: string, text: string): Buffer =>
  Buffer.concat([header(text.length, { path }), padded(text)]);
const pax = (records: string, type = "x"): Buffer =>
  Buffer.concat([header(records.length, { path: "pax", type }), padded(records)]);
const sizeField = (bytes: readonly number[]) => (block: Buffer) => void block.set(bytes, 124);
const one = file("a", "x");

async function read(bytes: Buffer): Promise<string> {
  async function* inPieces() {
    for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
  }
  const entries: string[] = [];
  for await (const { kind, path, bytes: contents } of readTar(inPieces())) {
    let length = 0;
    for await (const chunk of contents) length += chunk.length;
    entries.push(`${kind} ${path} ${length}`);
  }
  return entries.join(", ");
}

describe("a tar is read", () => {
  it.each([
    ["only up to its end", [one, tarEnd(), file("hidden", "y")], "file a 1"],
    ["without an end", [one], "file a 1"],
    ["with a size in its pax header", [pax("10 size=0\n"), header(1), tarEnd()], "file a 0"],
    ["without its global pax header", [pax("12 path=evil\n", "g"), pax("11 mtime=1\n"), one], "file a 1"],
    [
      "beyond the bytes of a folder entry",
      [header(600, { path: "d/", type: "5" }), padded("z".repeat(600)), one],
      "directory d/ 600, file a 1",
    ],
    [
      "without the letters ustar, as the oldest programs wrote it",
      [header(1, { change: (block) => block.fill(0, 257, 265) }), padded("x")],
      "file a 1",
    ],
  ])("%s", async (_, parts, entries) => {
    expect(await read(Buffer.concat(parts))).toBe(entries);
  });
});

describe("a tar is refused", () => {
  const cut = (bytes: Buffer, length: number) => [bytes.subarray(0, length)];
  it.each([
    ["that ends within a file", cut(file("a", "x".repeat(2000)), 1500), "ends within a file"],
    ["that ends within a header", cut(Buffer.concat([one, one]), 1200), "ends within a header"],
    ["that ends after a pax header", [pax("10 path=b\n")], "ends within a header"],
    ["with a pax record longer than its header", [pax("99 path=b\n"), one], "pax header is damaged"],
    ["with a pax record without a length", [pax("zz path=b\n"), one], "pax header is damaged"],
    ["with a pax record of a wrong length", [pax("9 path=b\n\n"), one], "pax header is damaged"],
    ["with a pax size that is not a number", [pax("11 size=1x\n"), one], "size is not a number"],
    ["with a negative pax size", [pax("11 size=-1\n"), one], "size is not a number"],
    ["with a negative size", [header(1, { change: sizeField(Array(12).fill(255)) })], "size is not a number"],
    [
      "with a size of 2^60",
      [header(1, { change: sizeField([0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]) })],
      "size is not a number",
    ],
    ["with a size that is not octal", [header(1, { change: sizeField([122, 122]) })], "size is not a number"],
    [
      "with a name of 3 MiB",
      [header(3 << 20, { type: "L" }), Buffer.alloc(3 << 20, "n")],
      "longer than 1 MiB",
    ],
    [
      "with a path of 70,000 letters",
      [header(70_000, { type: "L" }), padded("n".repeat(70_000)), one],
      "path of",
    ],
    ["with a wrong checksum", [Buffer.concat([one]).fill("7", 148, 149), tarEnd()], "checksum is wrong"],
  ])("%s", async (_, parts, says) => {
    await expect(read(Buffer.concat(parts))).rejects.toMatchObject({
      ...{ name: "TarError", message: expect.stringContaining(says) },
    });
  });
});

it("a pax header of a mebibyte that is damaged is refused at once", async () => {
  // Whatever length it says, the first five bytes look like a whole record.
  const records = `${"\n".repeat((1 << 20) - 2)}5 `;
  const start = performance.now();
  await expect(read(Buffer.concat([pax(records), one]))).rejects.toThrow("a pax header is damaged");
  expect(performance.now() - start).toBeLessThan(5000);
});

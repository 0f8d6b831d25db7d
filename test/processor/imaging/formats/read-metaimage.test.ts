import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import type { Image } from "../../../../processor/imaging/volume/image.js";
import { int16Bytes, samples } from "./header-samples.js";

const scratch = mkdtempSync(join(tmpdir(), "read-metaimage-"));
afterAll(() => rmSync(scratch, { recursive: true }));
let written = 0;

const plain = ["ObjectType = Image", "NDims = 3", "DimSize = 4 3 2", "ElementType = MET_SHORT"];

interface Written {
  readonly header?: readonly string[];
  readonly lines?: readonly string[];
  /** The value of ElementDataFile. */
  readonly dataFile?: string;
  readonly data?: Uint8Array;
  readonly newline?: string;
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

function write({
  header = plain,
  lines = [],
  dataFile = "LOCAL",
  newline = "\n",
  data,
  files = {},
}: Written): string {
  const folder = join(scratch, `${written++}`);
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const text = [...header, ...lines, `ElementDataFile = ${dataFile}`, ""].join(newline);
  const isLocal = dataFile.toLowerCase() === "local";
  const path = join(folder, isLocal ? "image.mha" : "image.mhd");
  writeFileSync(path, Buffer.concat([Buffer.from(text), data ?? (isLocal ? int16Bytes() : Buffer.alloc(0))]));
  return path;
}

const read = (content: Written): Promise<Image> => readImage(write(content));

const bigEndian = int16Bytes(samples, true);
const zlib = deflateSync(int16Bytes());
const gzip = gzipSync(int16Bytes());
const text = Buffer.from(`${samples.join(" ")}\n`);
const halves = { first: int16Bytes().subarray(0, 24), second: int16Bytes().subarray(24) };

describe("voxels are found as MetaIO finds them", () => {
  const cases: readonly (Written & { readonly name: string })[] = [
    { name: "in the file", lines: [] },
    ...["True", "T", "t", "1", "TRUE", "true ", "Tr", "10"].flatMap((value) => [
      {
        name: `BinaryDataByteOrderMSB = ${value}`,
        lines: [`BinaryDataByteOrderMSB = ${value}`],
        data: bigEndian,
      },
      { name: `ElementByteOrderMSB = ${value}`, lines: [`ElementByteOrderMSB = ${value}`], data: bigEndian },
      {
        name: `CompressedData = ${value}`,
        lines: ["BinaryData = T", `CompressedData = ${value}`, `CompressedDataSize = ${zlib.length}`],
        data: zlib,
      },
    ]),
    ...["False", "F", "0", "no", "", "yes", " x"].map((value) => ({
      name: `flags of ${JSON.stringify(value)}`,
      lines: [`CompressedData = ${value}`, `BinaryDataByteOrderMSB = ${value}`],
    })),
    ...["False", "F", "0", "no", ""].map((value) => ({
      name: `BinaryData = ${value}`,
      lines: [`BinaryData = ${value}`],
      data: text,
    })),
    {
      name: "text with fractions, which MetaIO cuts off",
      lines: ["BinaryData = False"],
      data: Buffer.from(samples.map((value) => (value < 0 ? value - 0.9 : value + 0.9)).join("\n")),
    },
    {
      name: "two byte orders, of which BinaryDataByteOrderMSB counts",
      lines: ["BinaryDataByteOrderMSB = False", "ElementByteOrderMSB = True"],
    },
    {
      name: "gzip instead of zlib",
      lines: ["CompressedData = True", `CompressedDataSize = ${gzip.length}`],
      data: gzip,
    },
    {
      name: "gzip with other bytes after it",
      lines: ["CompressedData = True"],
      data: Buffer.concat([gzip, Buffer.from("other")]),
    },
    {
      name: "zlib with other bytes after it",
      lines: ["CompressedData = True"],
      data: Buffer.concat([zlib, Buffer.from("other")]),
    },
    {
      name: "colons instead of equals signs",
      header: ["NDims: 3", "DimSize : 4 3 2", "ElementType:MET_SHORT"],
    },
    { name: "lines that end with CR LF", newline: "\r\n" },
    {
      name: "more numbers than axes",
      header: ["NDims = 3", "DimSize = 4 3 2 9 9 (x y z)", "ElementType = MET_SHORT"],
    },
    { name: "a field twice: the last one counts", lines: ["DimSize = 9 9 9", "DimSize = 4 3 2"] },
    { name: "an array type", header: ["NDims = 3", "DimSize = 4 3 2", "ElementType = MET_SHORT_ARRAY"] },
    {
      name: "a comment and a section",
      lines: ["", "# comment", "Foo = bar", "[section]", "Modality = MET_MOD_CT"],
    },
    {
      name: "fields that ITK does not use",
      lines: [
        "AnatomicalOrientation = LPI",
        "CenterOfRotation = 1 2 3",
        "DistanceUnits = m",
        "ElementToIntensityFunctionSlope = 2",
        "__proto__ = 1",
        "constructor = 2",
        "dimsize = 1 1 1",
      ],
    },
    { name: "the word local in another spelling", dataFile: "Local" },
    {
      name: "HeaderSize -1",
      lines: ["HeaderSize = -1"],
      data: Buffer.concat([Buffer.from("junk"), int16Bytes()]),
    },
    {
      name: "HeaderSize of a file",
      lines: ["HeaderSize = 4"],
      dataFile: "x.raw",
      files: { "x.raw": Buffer.concat([Buffer.from("junk"), int16Bytes(), Buffer.from("more")]) },
    },
    { name: "a file", dataFile: "x.raw", files: { "x.raw": int16Bytes() } },
    { name: "a file with a dot in front", dataFile: "./x.raw", files: { "x.raw": int16Bytes() } },
    { name: "a file in a folder below", dataFile: "sub/x.raw", files: { "sub/x.raw": int16Bytes() } },
    {
      name: "a path that goes into a folder and back",
      dataFile: "sub/../x.raw",
      files: { "x.raw": int16Bytes(), "sub/y": Buffer.alloc(0) },
    },
    { name: "a name in UTF-8", dataFile: "bild ä.raw", files: { "bild ä.raw": int16Bytes() } },
    {
      name: "a gzip file",
      lines: ["CompressedData = True"],
      dataFile: "x.raw.gz",
      files: { "x.raw.gz": gzip },
    },
    { name: "a file that exists only as gzip", dataFile: "./x.raw", files: { "x.raw.gz": gzip } },
    {
      name: "a list of files",
      dataFile: "LIST\nb.raw\r\na.raw",
      files: { "b.raw": halves.first, "a.raw": halves.second },
    },
    {
      name: "a list of files of two axes",
      dataFile: "LIST 2\nb.raw\na.raw",
      files: { "b.raw": halves.first, "a.raw": halves.second },
    },
    {
      name: "numbered files",
      dataFile: "s%03d.raw 5 6 1",
      files: { "s005.raw": halves.first, "s006.raw": halves.second },
    },
    {
      name: "numbered files from 1",
      dataFile: "s%d.raw",
      files: { "s1.raw": halves.first, "s2.raw": halves.second },
    },
  ];

  test.each(cases)("$name", async ({ name: _, ...content }) => {
    const { voxels, geometry, components } = await read(content);
    expect(Array.from(voxels, Number)).toEqual(samples);
    expect({ size: geometry.sizeZyx, components }).toEqual({ size: [2, 3, 4], components: 1 });
  });

  test("a header of many fields, longer than 64 KiB", async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `Field${i} = ${"value ".repeat(8)}`);
    expect(Array.from((await read({ lines })).voxels, Number)).toEqual(samples);
  });
});

describe("the geometry is that of SimpleITK 2.5.7", () => {
  const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const turned = "0 1 0 -1 0 0 0 0 1";
  test.each([
    { name: "Origin counts before Offset", lines: ["Origin = 4 5 6", "Offset = 1 2 3"], origin: [4, 5, 6] },
    {
      name: "ImagePosition counts before Position",
      lines: ["Position = 7 7 7", "ImagePosition = 4 5 6"],
      origin: [4, 5, 6],
    },
    {
      name: "TransformMatrix counts before Rotation",
      lines: ["Rotation = 1 0 0 0 1 0 0 0 1", `TransformMatrix = ${turned}`],
      direction: [0, -1, 0, 1, 0, 0, 0, 0, 1],
    },
    {
      name: "ElementSpacing counts before ElementSize",
      lines: ["ElementSize = 9 9 9", "ElementSpacing = 1 2 3"],
      spacing: [1, 2, 3],
    },
    {
      name: "a negative spacing turns its axis",
      lines: [`Orientation = ${turned}`, "ElementSpacing = -1 2 3"],
      spacing: [1, 2, 3],
      direction: [0, -1, 0, -1, 0, 0, 0, 0, 1],
    },
    {
      name: "a line without a separator takes the next line's value",
      lines: ["garbage", "ElementSpacing = 2 2 2"],
    },
    {
      name: "a line without a separator takes only the next line's value",
      lines: ["garbage", "Foo = 1", "ElementSpacing = 2 2 2"],
      spacing: [2, 2, 2],
    },
    { name: "an orientation in letters is ignored", lines: ["AnatomicalOrientation = RAS"] },
    {
      name: "words after the numbers",
      lines: ["ElementSpacing = 2 3 4 mm", "Offset = 1 2 3 x: (a)"],
      spacing: [2, 3, 4],
      origin: [1, 2, 3],
    },
  ])("$name", async ({ lines, spacing = [1, 1, 1], origin = [0, 0, 0], direction = identity }) => {
    const { geometry } = await read({ lines });
    expect({
      spacing: geometry.spacingMmZyx.toReversed(),
      origin: geometry.originMmXyz,
      direction: geometry.directionXyz,
    }).toEqual({ spacing, origin, direction });
  });
});

describe("a file that cannot be read is refused with the reason", () => {
  const typed = (type: string) => [...plain.slice(0, 3), `ElementType = ${type}`];
  test.each([
    {
      name: "a type named like a property of objects",
      header: typed("toString"),
      code: "IMAGE_UNSUPPORTED",
      says: "toString",
    },
    {
      name: "a type in another spelling",
      header: typed("met_short"),
      code: "IMAGE_UNSUPPORTED",
      says: "MET_SHORT",
    },
    { name: "no NDims", header: plain.slice(2), code: "IMAGE_INVALID", says: "NDims" },
    {
      name: "one axis",
      header: ["NDims = 1", "DimSize = 4", "ElementType = MET_SHORT"],
      code: "IMAGE_UNSUPPORTED",
      says: "NDims",
    },
    {
      name: "fewer numbers than axes",
      lines: ["ElementSpacing = 2 2"],
      code: "IMAGE_INVALID",
      says: "not 3 numbers",
    },
    {
      name: "an origin in words",
      lines: ["Offset = 1 2 3", "Origin = Dept. of Radiology"],
      code: "IMAGE_INVALID",
      says: "Dept. of Radiology",
    },
    {
      name: "axes in one plane",
      lines: ["TransformMatrix = 1 0 0 1 0 0 0 0 1"],
      code: "IMAGE_INVALID",
      says: "in one plane",
    },
    {
      name: "no channel",
      lines: ["ElementNumberOfChannels = 0"],
      code: "IMAGE_INVALID",
      says: "ElementNumberOfChannels",
    },
    {
      name: "text of two channels",
      lines: ["BinaryData = False", "ElementNumberOfChannels = 2"],
      data: text,
      code: "IMAGE_UNSUPPORTED",
      says: "one channel",
    },
    {
      name: "compressed text",
      lines: ["BinaryData = False", "CompressedData = True"],
      data: text,
      code: "IMAGE_UNSUPPORTED",
      says: "no compression",
    },
    {
      name: "text with a byte order",
      lines: ["BinaryData = False", "BinaryDataByteOrderMSB = True"],
      data: text,
      code: "IMAGE_UNSUPPORTED",
      says: "MSB",
    },
    {
      name: "text that is not a number",
      lines: ["BinaryData = False"],
      data: Buffer.from("1 ".repeat(9) + "x ".repeat(20)),
      code: "IMAGE_INVALID",
      says: "voxel 9",
    },
    {
      name: "a header that is cut off",
      lines: ["HeaderSize = 10"],
      code: "IMAGE_INVALID",
      says: "HeaderSize",
    },
    {
      name: "compressed voxels at the end",
      lines: ["HeaderSize = -1", "CompressedData = 1"],
      data: zlib,
      code: "IMAGE_UNSUPPORTED",
      says: "HeaderSize",
    },
    {
      name: "fewer compressed bytes than announced",
      lines: ["CompressedData = 1", `CompressedDataSize = ${zlib.length + 1}`],
      data: zlib,
      code: "IMAGE_TRUNCATED",
      says: "compressed",
    },
    {
      name: "a list that is too short",
      dataFile: "LIST\na.raw",
      files: { "a.raw": halves.first },
      code: "IMAGE_INVALID",
      says: "2 are needed",
    },
    {
      name: "a file that is listed twice",
      dataFile: "LIST\na.raw\n./a.raw",
      files: { "a.raw": halves.first },
      code: "IMAGE_INVALID",
      says: "twice",
    },
    { name: "too few numbered files", dataFile: "s%d.raw 1 1 1", code: "IMAGE_INVALID", says: "2 slices" },
    {
      name: "numbered files in steps of 0",
      dataFile: "s%d.raw 1 9 0",
      code: "IMAGE_INVALID",
      says: "in steps of 0",
    },
    {
      name: "a file outside",
      dataFile: "../x.raw",
      code: "IMAGE_UNSUPPORTED",
      says: "only files in the header's folder",
    },
    {
      name: "a listed file outside",
      dataFile: "LIST\na.raw\n../b.raw",
      files: { "a.raw": halves.first },
      code: "IMAGE_UNSUPPORTED",
      says: "../b.raw",
    },
    { name: "a numbered file outside", dataFile: "../s%d.raw", code: "IMAGE_UNSUPPORTED", says: "../s1.raw" },
    { name: "an absolute path", dataFile: "/etc/passwd", code: "IMAGE_UNSUPPORTED", says: "folder" },
    { name: "a file that does not exist", dataFile: "x.raw", code: "INPUT_NOT_FOUND", says: "x.raw" },
  ])("$name", async ({ name: _, code, says, ...content }) => {
    await expect(read(content)).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
  });

  test("a link that leads out of the folder", async () => {
    const path = write({ dataFile: "x.raw" });
    symlinkSync("/etc/passwd", join(dirname(path), "x.raw"));
    await expect(readImage(path)).rejects.toMatchObject({ code: "IMAGE_UNSUPPORTED" });
  });
});

test.each([
  { name: "blanks", lines: [`ElementSpacing =${" ".repeat(1 << 20)}x`] },
  { name: "blanks in a name", lines: [`x${" ".repeat(1 << 20)}y = 1`] },
  { name: "digits", lines: [`Offset = ${"1".repeat(1 << 20)}x 1 1`] },
  { name: "equals signs", lines: ["=".repeat(1 << 20)] },
  { name: "lines", lines: ["\n".repeat(1 << 20)] },
  { name: "fields", lines: ["a=\n".repeat(1 << 18)] },
  { name: "letters without a separator", lines: ["a\n".repeat(1 << 19)] },
  {
    name: "blanks after the type",
    header: [...plain.slice(0, 3), `ElementType = ${"_ARRAY ".repeat(1 << 17)}x`],
  },
])(
  "a header of a million $name takes less than two seconds",
  { timeout: 20_000 },
  async ({ name: _, ...content }) => {
    const path = write(content);
    const start = process.cpuUsage();
    await readImage(path).catch(() => null);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(2);
  },
);

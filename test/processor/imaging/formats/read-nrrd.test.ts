import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import type { Image } from "../../../../processor/imaging/volume/image.js";
import { int16Bytes, samples } from "./header-samples.js";

const scratch = mkdtempSync(join(tmpdir(), "read-nrrd-"));
afterAll(() => rmSync(scratch, { recursive: true }));
let written = 0;

const plain: Readonly<Record<string, string>> = {
  type: "short",
  dimension: "3",
  sizes: "4 3 2",
  endian: "little",
  encoding: "raw",
};

interface Written {
  /** Replaces or adds fields; null omits a field. */
  readonly fields?: Readonly<Record<string, string | null>>;
  readonly lines?: readonly string[];
  readonly data?: Uint8Array;
  readonly magic?: string;
  readonly newline?: string;
  readonly ending?: string;
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly isWithoutEnd?: boolean;
}

function write({ fields = {}, lines = [], magic = "NRRD0004", newline = "\n", ...rest }: Written): string {
  const folder = join(scratch, `${written++}`);
  for (const [name, content] of Object.entries(rest.files ?? {})) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const header = Object.entries({ ...plain, ...fields }).flatMap(([key, value]) =>
    value === null ? [] : [`${key}: ${value}`],
  );
  const text = [magic, ...header, ...lines, ...(rest.isWithoutEnd ? [] : ["", ""])].join(newline);
  const path = join(folder, `image${rest.ending ?? ".nrrd"}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, Buffer.concat([Buffer.from(text), rest.data ?? int16Bytes()]));
  return path;
}

const read = (content: Written): Promise<Image> => readImage(write(content));

const text = samples.join(" ");
const gzip = gzipSync(int16Bytes());

describe("voxels are found as NrrdIO finds them", () => {
  const cases: readonly (Written & { readonly name: string })[] = [
    { name: "raw", fields: {} },
    { name: "types without regard to case", fields: { type: "Short" } },
    { name: "encodings without regard to case", fields: { encoding: "GZip" }, data: gzip },
    { name: "most significant byte first", fields: { endian: "BIG" }, data: int16Bytes(samples, true) },
    { name: "the oldest magic", magic: "NRRD00.01" },
    { name: "lines that end with CR LF", newline: "\r\n" },
    { name: "lines that end with CR", newline: "\r" },
    {
      name: "fields in capitals",
      lines: ["Byte Skip: 2"],
      data: Buffer.concat([Buffer.from("xx"), int16Bytes()]),
    },
    {
      name: "byteskip without a blank",
      lines: ["byteskip: 7"],
      data: Buffer.concat([Buffer.from("xxxxxxx"), int16Bytes()]),
    },
    {
      name: "lineskip without a blank",
      lines: ["lineskip: 2"],
      data: Buffer.concat([Buffer.from("one\r\ntwo\n"), int16Bytes()]),
    },
    {
      name: "lines, then bytes",
      lines: ["line skip: 1", "byte skip: 3"],
      data: Buffer.concat([Buffer.from("one\nxyz"), int16Bytes()]),
    },
    {
      name: "raw voxels at the end",
      lines: ["byte skip: -1"],
      data: Buffer.concat([Buffer.from("junk"), int16Bytes()]),
    },
    {
      name: "raw voxels two bytes before the end",
      lines: ["byte skip: -3"],
      data: Buffer.concat([Buffer.from("junk"), int16Bytes(), Buffer.from("ab")]),
    },
    {
      name: "gzip with bytes to skip after inflating",
      fields: { encoding: "gzip" },
      lines: ["byte skip: 5"],
      data: gzipSync(Buffer.concat([Buffer.from("12345"), int16Bytes()])),
    },
    {
      name: "gzip voxels at the end of the inflated data",
      fields: { encoding: "gzip" },
      lines: ["byte skip: -1"],
      data: gzipSync(Buffer.concat([Buffer.from("some bytes"), int16Bytes()])),
    },
    {
      name: "gzip with other bytes after it",
      fields: { encoding: "gzip" },
      data: Buffer.concat([gzip, Buffer.from("not gzip")]),
    },
    {
      name: "two gzip members with another byte after them",
      fields: { encoding: "gz" },
      data: Buffer.concat([
        gzipSync(int16Bytes().subarray(0, 20)),
        gzipSync(int16Bytes().subarray(20)),
        Buffer.from("j"),
      ]),
    },
    { name: "numbers as text", fields: { encoding: "ascii", endian: null }, data: Buffer.from(`${text}\n`) },
    { name: "numbers with commas", fields: { encoding: "txt" }, data: Buffer.from(samples.join(" , ")) },
    {
      name: "one number on each line",
      fields: { encoding: "text" },
      data: Buffer.from(samples.join("\r\n")),
    },
    {
      name: "hexadecimal digits",
      fields: { encoding: "hex" },
      data: Buffer.from(int16Bytes().toString("hex")),
    },
    {
      name: "hexadecimal capitals in lines, most significant byte first",
      fields: { encoding: "Hex", endian: "big" },
      data: Buffer.from(
        int16Bytes(samples, true)
          .toString("hex")
          .toUpperCase()
          .replace(/(.{10})/g, "$1\n "),
      ),
    },
    {
      name: "key/value pairs named like fields",
      lines: [
        "type:=axial",
        "encoding:=x",
        "sizes:=9 9 9",
        "data file:=x.raw",
        "byte skip:=5",
        "endian:=big",
        "key with: colon:=type: int",
      ],
    },
    { name: "comments", lines: ["#type: int", "# sizes: 9"] },
    {
      name: "fields that ITK does not use",
      lines: [
        "content: type: int",
        "number: Hank",
        "min: 0",
        "oldmax: 9",
        "sampleunits: HU",
        "thicknesses: 1 1 1",
        'labels: "a b" "c" "d"',
        "kinds: domain Domain SPACE",
      ],
    },
    {
      name: "a detached file",
      lines: ["data file: x.raw"],
      data: Buffer.alloc(0),
      files: { "x.raw": int16Bytes() },
    },
    {
      name: ".nhdr without an end",
      ending: ".nhdr",
      lines: ["datafile: ./x.raw"],
      isWithoutEnd: true,
      data: Buffer.alloc(0),
      files: { "x.raw": int16Bytes() },
    },
    {
      name: "a detached gzip file in a folder below",
      ending: ".nhdr",
      fields: { encoding: "gzip" },
      lines: ["data file: sub/x.raw.gz"],
      data: Buffer.alloc(0),
      files: { "sub/x.raw.gz": gzip },
    },
    {
      name: "a name in UTF-8",
      ending: ".nhdr",
      lines: ["data file: bild ä.raw"],
      data: Buffer.alloc(0),
      files: { "bild ä.raw": int16Bytes() },
    },
    {
      name: "a list of files",
      ending: ".nhdr",
      lines: ["data file: LIST", "b.raw", "a.raw"],
      data: Buffer.alloc(0),
      files: { "b.raw": int16Bytes().subarray(0, 24), "a.raw": int16Bytes().subarray(24) },
    },
    {
      name: "numbered files",
      ending: ".nhdr",
      lines: ["data file: s%03d.raw 5 6 1"],
      data: Buffer.alloc(0),
      files: { "s005.raw": int16Bytes().subarray(0, 24), "s006.raw": int16Bytes().subarray(24) },
    },
  ];

  test.each(cases)("$name", async ({ name: _, ...content }) => {
    const { voxels, geometry, components } = await read(content);
    expect(Array.from(voxels, Number)).toEqual(samples);
    expect({ size: geometry.sizeZyx, components }).toEqual({ size: [2, 3, 4], components: 1 });
  });

  test.each([
    {
      name: "first",
      sizes: "2 4 3",
      kinds: "list domain domain",
      value: (x: number, y: number, c: number) => c + 2 * (x + 4 * y),
    },
    {
      name: "between",
      sizes: "4 2 3",
      kinds: "domain vector domain",
      value: (x: number, y: number, c: number) => x + 4 * (c + 2 * y),
    },
    {
      name: "last",
      sizes: "4 3 2",
      kinds: "domain domain LIST",
      value: (x: number, y: number, c: number) => x + 4 * (y + 3 * c),
    },
  ])("the values of a voxel on the $name axis", async ({ sizes, kinds, value }) => {
    const { voxels, geometry, components } = await read({ fields: { sizes }, lines: [`kinds: ${kinds}`] });
    expect({ components, size: geometry.sizeZyx }).toEqual({ components: 2, size: [1, 3, 4] });
    const wanted = [0, 1].flatMap((c) =>
      [0, 1, 2].flatMap((y) => [0, 1, 2, 3].map((x) => samples[value(x, y, c)]!)),
    );
    expect(Array.from(voxels, Number)).toEqual(wanted);
  });

  test("a header of many pairs, longer than 64 KiB", async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `key ${i}:=${"value ".repeat(8)}`);
    expect(Array.from((await read({ lines })).voxels, Number)).toEqual(samples);
  });
});

describe("the geometry is that of SimpleITK 2.5.7", () => {
  const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  test.each([
    { name: "spacings", lines: ["spacings: 0.5 2 3"], spacing: [0.5, 2, 3] },
    {
      name: "a negative spacing turns its axis",
      lines: ["spacings: -2 2 2"],
      spacing: [2, 2, 2],
      direction: [-1, 0, 0, 0, 1, 0, 0, 0, 1],
    },
    { name: "an unknown spacing", lines: ["spacings: nan 2 2"], spacing: [1, 2, 2] },
    {
      name: "axis mins of cells",
      lines: ["spacings: 2 2 2", "axis mins: 1 2 3"],
      spacing: [2, 2, 2],
      origin: [2, 3, 4],
    },
    {
      name: "axis mins and maxs of nodes and cells",
      lines: ["axismins: 1 2 3", "axismaxs: 5 5 5", "centers: node node cell"],
      origin: [1, 2, 3.5],
    },
    {
      name: "pairs named like fields",
      lines: [
        "space: LPS",
        "space origin:=(7,7,7)",
        "space:=RAS",
        "space origin: (1,2,3)",
        "spacings:=9 9 9",
      ],
      origin: [1, 2, 3],
    },
    {
      name: "a space without directions",
      lines: ["space: ras", "space origin: (1,2,3)"],
      origin: [-1, -2, 3],
    },
    {
      name: "a space name of blanks",
      lines: ["space: Left Anterior Superior", "spaceorigin: (1,2,3)"],
      origin: [1, -2, 3],
    },
    {
      name: "directions without blanks between them",
      lines: ["space: LPS", "spacedirections: (0,2,0)(3,0,0)(0,0,-1)"],
      spacing: [2, 3, 1],
      direction: [0, 1, 0, 1, 0, 0, 0, 0, -1],
    },
    {
      name: "an axis of direction nan",
      lines: ["space: LPS", "space directions: (2,0,0) (nan,nan,nan) (0,0,2)"],
      spacing: [2, 1, 2],
    },
    {
      name: "an axis of direction none",
      lines: ["space: LPS", "space directions: (2,0,0) none (0,0,2)"],
      spacing: [2, 1, 2],
    },
    {
      name: "a space that is not anatomical",
      lines: ["space: 3D-left-handed", "space directions: (2,0,0) (0,2,0) (0,0,2)", "space origin: (1,2,3)"],
      spacing: [2, 2, 2],
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
  const space = ["space: LPS", "space directions: (1,0,0) (0,1,0) (0,0,1)"];
  test.each([
    {
      name: "a field that the format does not have",
      lines: ["spaceorigins: (1,2,3)"],
      code: "IMAGE_INVALID",
      says: "not a field",
    },
    {
      name: "a field twice",
      lines: ["spacings: 1 1 1", "SPACINGS: 2 2 2"],
      code: "IMAGE_INVALID",
      says: "twice",
    },
    {
      name: "a type named like a property of objects",
      fields: { type: "constructor" },
      code: "IMAGE_UNSUPPORTED",
      says: "type",
    },
    {
      name: "an encoding named like a property of objects",
      fields: { encoding: "toString" },
      code: "IMAGE_UNSUPPORTED",
      says: "raw, gzip",
    },
    { name: "bzip2", fields: { encoding: "bzip2" }, code: "IMAGE_UNSUPPORTED", says: "bzip2" },
    {
      name: "zlib data under the name of gzip",
      fields: { encoding: "gzip" },
      data: deflateSync(int16Bytes()),
      code: "IMAGE_INVALID",
      says: "gzip",
    },
    { name: "another version", magic: "NRRD0006", code: "IMAGE_UNSUPPORTED", says: "NRRD0006" },
    { name: "no dimension", fields: { dimension: null }, code: "IMAGE_INVALID", says: "dimension" },
    {
      name: "a dimension that differs from the number of sizes",
      fields: { dimension: "4" },
      code: "IMAGE_INVALID",
      says: "4 axes",
    },
    { name: "no byte order", fields: { endian: null }, code: "IMAGE_INVALID", says: "endian" },
    {
      name: "an unknown byte order",
      fields: { endian: "middle" },
      code: "IMAGE_INVALID",
      says: "middle",
    },
    {
      name: "an unknown kind",
      lines: ["kinds: domain domain valueOf"],
      code: "IMAGE_INVALID",
      says: "kinds",
    },
    {
      name: "a kind that requires another size",
      lines: ["kinds: domain domain RGB-color"],
      code: "IMAGE_INVALID",
      says: "RGB-color",
    },
    {
      name: "an unknown centering",
      lines: ["centers: node node middle"],
      code: "IMAGE_INVALID",
      says: "centerings",
    },
    { name: "an unknown space", lines: ["space: moon"], code: "IMAGE_UNSUPPORTED", says: "moon" },
    { name: "directions without a space", lines: [space[1]!], code: "IMAGE_INVALID", says: "neither space" },
    {
      name: "directions and spacings",
      lines: [...space, "spacings: 1 1 1"],
      code: "IMAGE_INVALID",
      says: "spacings",
    },
    {
      name: "axes in one plane",
      lines: [space[0]!, "space directions: (1,0,0) (1,0,0) (0,0,1)"],
      code: "IMAGE_INVALID",
      says: "in one plane",
    },
    {
      name: "a direction that is half unknown",
      lines: [space[0]!, "space directions: (1,0,0) (nan,1,0) (0,0,1)"],
      code: "IMAGE_INVALID",
      says: "space directions",
    },
    { name: "a spacing of 0", lines: ["spacings: 0 1 1"], code: "IMAGE_INVALID", says: "spacings" },
    { name: "a spacing with a unit", lines: ["spacings: 1mm 1 1"], code: "IMAGE_INVALID", says: "spacings" },
    {
      name: "text that is not a number",
      fields: { encoding: "ascii" },
      data: Buffer.from(text.replace("200", "two")),
      code: "IMAGE_INVALID",
      says: "two",
    },
    {
      name: "text with a number outside the type's range",
      fields: { encoding: "ascii" },
      data: Buffer.from(text.replace("200", "32768")),
      code: "IMAGE_INVALID",
      says: "32768",
    },
    {
      name: "text that ends early",
      fields: { encoding: "ascii" },
      data: Buffer.from(samples.slice(1).join("   ")),
      code: "IMAGE_TRUNCATED",
      says: "23 of 24",
    },
    {
      name: "digits that end early",
      fields: { encoding: "hex" },
      data: Buffer.from(" ".repeat(96)),
      code: "IMAGE_TRUNCATED",
      says: "0 of 96",
    },
    {
      name: "less data than bytes to skip and voxels",
      lines: ["byte skip: -9"],
      code: "IMAGE_TRUNCATED",
      says: "8 after them",
    },
    {
      name: "fewer files than slices",
      lines: ["data file: LIST", "x.raw"],
      files: { "x.raw": int16Bytes() },
      code: "IMAGE_INVALID",
      says: "1 data file",
    },
    {
      name: "a file that is listed twice",
      lines: ["data file: LIST", "x.raw", "./x.raw"],
      files: { "x.raw": int16Bytes() },
      code: "IMAGE_INVALID",
      says: "twice",
    },
    {
      name: "more numbered files than any volume has",
      lines: ["data file: s%d.raw 0 2000000000 1"],
      code: "IMAGE_INVALID",
      says: "65536",
    },
    {
      name: "a file that does not exist",
      lines: ["data file: x.raw"],
      code: "INPUT_NOT_FOUND",
      says: "x.raw",
    },
    {
      name: "a folder instead of a file",
      lines: ["data file: sub"],
      files: { "sub/x.raw": int16Bytes() },
      code: "INPUT_NOT_FOUND",
      says: "not a readable file",
    },
    {
      name: "a file outside",
      lines: ["data file: ../x.raw"],
      code: "IMAGE_UNSUPPORTED",
      says: "only files in the header's folder",
    },
    {
      name: "a file outside, through a folder",
      lines: ["data file: sub/../../x.raw"],
      code: "IMAGE_UNSUPPORTED",
      says: "folder",
    },
    {
      name: "an absolute path",
      lines: ["data file: /etc/passwd"],
      code: "IMAGE_UNSUPPORTED",
      says: "folder",
    },
  ])("$name", async ({ name: _, code, says, ...content }) => {
    await expect(read(content)).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
  });

  test("a link that leads out of the folder", async () => {
    const path = write({ lines: ["data file: x.raw"] });
    symlinkSync("/etc/passwd", join(dirname(path), "x.raw"));
    await expect(readImage(path)).rejects.toMatchObject({ code: "IMAGE_UNSUPPORTED" });
  });

  test("a link to a header finds the files next to its target", async () => {
    const path = write({ lines: ["data file: x.raw"], files: { "x.raw": int16Bytes() } });
    const folder = join(scratch, "links");
    mkdirSync(folder);
    symlinkSync(path, join(folder, "image.nrrd"));
    symlinkSync(join(dirname(path), "x.raw"), join(folder, "x.raw"));
    expect(Array.from((await readImage(join(folder, "image.nrrd"))).voxels, Number)).toEqual(samples);
  });
});

test.each([
  { name: "opening parentheses", line: `space directions: ${"(".repeat(1 << 20)}` },
  { name: "the word none", line: `space directions: ${"none ".repeat(1 << 18)}` },
  { name: "blanks", line: `spacings:${" ".repeat(1 << 20)}x` },
  { name: "digits", line: `spacings: ${"1".repeat(1 << 20)}x 1 1` },
  { name: "colons", line: ":".repeat(1 << 20) },
  { name: "lines", line: "#\n".repeat(1 << 19) },
  { name: "CRs", line: "#\r".repeat(1 << 19) },
  { name: "pairs", line: "a:=\n".repeat(1 << 18) },
])("a header of a million $name takes less than two seconds", { timeout: 20_000 }, async ({ line }) => {
  const path = write({ lines: ["space: LPS", line] });
  const start = process.cpuUsage();
  await readImage(path).catch(() => null);
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1e6).toBeLessThan(2);
});

test("a header without an end is refused after 16 MiB", { timeout: 20_000 }, async () => {
  const path = write({ lines: ["#".repeat((16 << 20) + 1)] });
  await expect(readImage(path)).rejects.toMatchObject({
    code: "IMAGE_INVALID",
    message: expect.stringContaining("16777216"),
  });
});

import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { likeNnunet } from "../../../src/nnunet/datasets/verify/like-nnunet.js";
import { verifyDataset } from "../../../src/nnunet/datasets/verify/verify-dataset.js";
import { goldenPath } from "../../support/golden.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "verify-json-"));
});
afterAll(() => rm(scratch, { recursive: true }));

/** The keys as JSON text, because `3` and `3.0` differ in Python */
type Keys = Readonly<Record<string, string>>;

const good: Keys = {
  channel_names: '{"0": "m0", "1": "m1"}',
  labels: '{"background": 0, "a": 1, "b": 2}',
  numTraining: "3",
  file_ending: '".mha"',
};

async function verify(name: string, keys: Keys, withCases = true) {
  const rawFolder = join(scratch, name.replaceAll(/\W+/g, "-"));
  await cp(goldenPath("tools", "integrity", "good_mha"), rawFolder, {
    recursive: true,
    filter: (path) => withCases || !/\.mha$/.test(path),
  });
  return judge(name, rawFolder, keys);
}

async function judge(name: string, rawFolder: string, keys: Keys) {
  const text = Object.entries({ ...good, ...keys }).map(([key, value]) => `"${key}": ${value}`);
  await writeFile(join(rawFolder, "dataset.json"), `{${text.join(",\n")}}`);
  return verifyDataset(
    { name, rawFolder },
    { workers: 1, progress: silentProgress, signal: new AbortController().signal, environment: {} },
  );
}

const regions = { regions_class_order: "[1, 2]" };
const labels = (text: string): Keys => ({ labels: text });

// The exceptions are those of nnunetv2 2.8.1's verify_dataset_integrity for such files.
test.each<[name: string, keys: Keys, check: string, exception: string, remedy: RegExp]>([
  [
    "background in brackets beside regions",
    { ...regions, ...labels('{"background": [0], "w": [1, 2], "b": 2}') },
    "background",
    "RuntimeError",
    /without brackets/,
  ],
  [
    "background in brackets",
    labels('{"background": [0], "a": 1, "b": 2}'),
    "background",
    "RuntimeError",
    /without brackets/,
  ],
  [
    "background in quotes beside regions",
    { ...regions, ...labels('{"background": "0", "w": [1, 2], "b": 2}') },
    "regions-class-order",
    "AssertionError",
    /without quotes/,
  ],
  [
    "ignore in quotes",
    labels('{"background": 0, "a": 1, "ignore": "2"}'),
    "ignore-label",
    "AssertionError",
    /without quotes/,
  ],
  [
    "inverted labels",
    labels('{"0": "background", "1": "a", "2": "b"}'),
    "dataset-json-wrong",
    "RuntimeError",
    /dataset json/,
  ],
  [
    "a label that is a word",
    labels('{"background": 0, "a": "x", "b": 2}'),
    "dataset-json-wrong",
    "ValueError",
    /dataset json/,
  ],
  [
    "a label with a fraction in quotes",
    labels('{"background": 0, "a": "1.0", "b": 2}'),
    "dataset-json-wrong",
    "ValueError",
    /./,
  ],
  [
    "a label that is null",
    labels('{"background": 0, "a": null, "b": 2}'),
    "dataset-json-wrong",
    "TypeError",
    /./,
  ],
  ["a list of labels", labels('["background", "a"]'), "dataset-json-wrong", "AttributeError", /dataset json/],
  ["numTraining 3.0", { numTraining: "3.0" }, "case-count-float", "TypeError", /Write it as 3,/],
  ["numTraining 3e0", { numTraining: "3e0" }, "case-count-float", "TypeError", /Write it as 3,/],
  ["numTraining 3.5", { numTraining: "3.5" }, "dataset-json-wrong", "AssertionError", /./],
  ["numTraining in quotes", { numTraining: '"3"' }, "dataset-json-wrong", "TypeError", /./],
  ["ending without a dot", { file_ending: '"mha"' }, "dataset-json-wrong", "AssertionError", /dataset json/],
  ["ending that is a number", { file_ending: "5" }, "dataset-json-wrong", "TypeError", /dataset json/],
  [
    "list of channels",
    { channel_names: '["m0", "m1"]' },
    "dataset-json-wrong",
    "AttributeError",
    /dataset json/,
  ],
  ["channels as null", { channel_names: "null" }, "dataset-json-wrong", "AttributeError", /dataset json/],
  [
    "NibabelIO for MetaImage",
    { overwrite_image_reader_writer: '"NibabelIO"' },
    "reader-ending",
    "ImageFileError",
    /overwrite_image_reader_writer/,
  ],
  [
    "Tiff3DIO for MetaImage",
    { overwrite_image_reader_writer: '"Tiff3DIO"' },
    "reader-ending",
    "AssertionError",
    /overwrite_image_reader_writer/,
  ],
  [
    "NaturalImage2DIO for MetaImage",
    { overwrite_image_reader_writer: '"NaturalImage2DIO"' },
    "reader-ending",
    "AssertionError",
    /overwrite_image_reader_writer/,
  ],
])("%s is refused as by nnU-Net", async (name, keys, check, exception, remedy) => {
  const report = await verify(name, keys);
  expect(report.isFine).toBe(false);
  const found = report.findings.find((finding) => finding.check === check);
  expect(found?.severity).toBe("error");
  expect(found?.text).toMatch(/dataset\.json/);
  expect(found?.remedy).toMatch(remedy);
  expect(likeNnunet(report).exception?.type).toBe(exception);
});

test.each([
  { name: "MetaImage in capitals", keys: {}, check: "reader" },
  {
    name: "MetaImage in capitals for SimpleITKIO",
    keys: { overwrite_image_reader_writer: '"SimpleITKIO"' },
    check: "reader-ending",
  },
])("$name is refused, because ITK does not know the ending", async ({ name, keys, check }) => {
  const rawFolder = join(scratch, name.replaceAll(" ", "-"));
  await cp(goldenPath("tools", "integrity", "good_mha"), rawFolder, { recursive: true });
  for (const folder of ["imagesTr", "labelsTr"])
    for (const file of await readdir(join(rawFolder, folder)))
      await rename(join(rawFolder, folder, file), join(rawFolder, folder, file.replace(/mha$/, "MHA")));
  const report = await judge(name, rawFolder, { file_ending: '".MHA"', ...keys });
  expect(report.findings).toContainEqual(expect.objectContaining({ severity: "error", check }));
  expect(likeNnunet(report).exception?.type).toBe("RuntimeError");
});

test("a data set without cases is refused though numTraining is 0", async () => {
  const report = await verify("no cases", { numTraining: "0" }, false);
  expect(report.findings.map(({ check }) => check)).toContain("no-cases");
  expect(likeNnunet(report)).toMatchObject({ isFine: false, exception: { type: "StopIteration" } });
});

test("a case without images is refused", async () => {
  const report = await verify("no images", {
    numTraining: "1",
    dataset: '{"x": {"images": [], "label": "labelsTr/case0.mha"}}',
  });
  expect(report.findings.map(({ check }) => check)).toContain("no-image");
  expect(likeNnunet(report).exception?.type).toBe("IndexError");
});

test.each([
  ["labels in quotes", labels('{"background": "0", "a": "1", "b": "2"}')],
  ["labels in quotes with blanks", labels('{"background": 0, "a": " 1 ", "b": "+2"}')],
  ["regions in quotes", { ...regions, ...labels('{"background": 0, "w": ["1", "2"], "b": "2"}') }],
])("%s are accepted with a note", async (name, keys) => {
  const report = await verify(name, keys);
  expect(report.isFine).toBe(true);
  expect(likeNnunet(report)).toMatchObject({ isFine: true, exception: null });
  expect(report.findings).toContainEqual(
    expect.objectContaining({ severity: "note", check: "labels-in-quotes" }),
  );
});

test("a wrong number of cases is found beside labels that cannot be used", async () => {
  const report = await verify("both", { ...labels('{"0": "background"}'), numTraining: "7" });
  expect(report.findings.map(({ check }) => check)).toEqual(["case-count", "dataset-json-wrong"]);
  expect(likeNnunet(report).exception?.type).toBe("AssertionError");
});

test("channels may differ in spacing by as little as nnU-Net allows", async () => {
  const rawFolder = join(scratch, "close");
  await cp(goldenPath("tools", "integrity", "good_mha"), rawFolder, { recursive: true });
  const path = join(rawFolder, "imagesTr", "case0_0001.mha");
  const image = await readFile(path, "latin1");
  const withDepth = (depth: string) =>
    writeFile(path, image.replace(/^(ElementSpacing = \S+ \S+) 2\.5$/m, `$1 ${depth}`), "latin1");
  await withDepth("2.500001");
  expect((await judge("close", rawFolder, {})).isFine).toBe(true);
  await withDepth("2.5001");
  expect((await judge("close", rawFolder, {})).findings.map(({ check }) => check)).toContain(
    "channels-spacing",
  );
});

test.each([
  { name: "a number as name of a channel", keys: { channel_names: '{"0": "m0", "1": 5}' } },
  {
    name: "an order of regions in quotes",
    keys: { labels: '{"background": 0, "w": [1, 2], "b": 2}', regions_class_order: '["1", "2"]' },
  },
  { name: "an order without regions that is not a list", keys: { regions_class_order: "5" } },
])("$name is an error here, but nnU-Net's check does not notice", async ({ name, keys }) => {
  const report = await verify(name, keys);
  expect(report.isFine).toBe(false);
  expect(likeNnunet(report)).toEqual({ isFine: true, exception: null, lines: [] });
});

test("an order of regions that is not a list stops nnU-Net with TypeError", async () => {
  const labels = '{"background": 0, "w": [1, 2], "b": 2}';
  const report = await verify("order 5", { labels, regions_class_order: "5" });
  expect(likeNnunet(report).exception?.type).toBe("TypeError");
});

test("an image with colours is refused, as nnU-Net stops with ValueError", async () => {
  const rawFolder = join(scratch, "colours");
  await cp(goldenPath("tools", "integrity", "good_mha"), rawFolder, { recursive: true });
  for (const channel of ["0000", "0001"]) {
    const { geometry, source } = await readImage(join(rawFolder, "imagesTr", `case1_${channel}.mha`));
    const { sizeZyx: size, spacingMmZyx: spacing } = geometry;
    const header = [
      "NDims = 3",
      `DimSize = ${size.toReversed().join(" ")}`,
      `ElementSpacing = ${spacing.toReversed().join(" ")}`,
      "ElementNumberOfChannels = 3",
      "ElementType = MET_UCHAR",
      "ElementDataFile = LOCAL\n",
    ].join("\n");
    const voxels = Buffer.alloc(3 * size[0] * size[1] * size[2], 1);
    await writeFile(source.path, Buffer.concat([Buffer.from(header), voxels]));
  }
  const report = await judge("colours", rawFolder, {});
  expect(report.findings.map(({ check }) => check)).toContain("vector-image");
  const { exception, lines } = likeNnunet(report);
  expect(exception?.type).toBe("ValueError");
  expect(lines.filter((line) => line.startsWith("Error: Shape mismatch"))).toHaveLength(1);
});

/** A NIfTI file of bytes that are all 0. */
function flatNifti(sizes: readonly number[]): Buffer {
  const file = Buffer.alloc(352 + sizes.reduce((all, size) => all * size, 1));
  file.writeInt32LE(348, 0);
  [sizes.length, ...sizes, 1, 1, 1, 1].forEach((size, i) => {
    if (i < 8) file.writeInt16LE(size, 40 + 2 * i);
  });
  file.writeInt16LE(2, 70);
  file.writeInt16LE(8, 72);
  for (let i = 0; i < 8; i++) file.writeFloatLE(1, 76 + 4 * i);
  file.writeFloatLE(352, 108);
  file.write("n+1\0", 344, "latin1");
  return file;
}

test.each([
  { name: "two axes", sizes: [4, 3], reader: {}, exception: "RuntimeError" },
  {
    name: "two axes for NibabelIO",
    sizes: [4, 3],
    reader: { overwrite_image_reader_writer: '"NibabelIO"' },
    exception: "AssertionError",
  },
  { name: "four axes", sizes: [4, 3, 2, 2], reader: {}, exception: "RuntimeError" },
])("nibabel's readers refuse $name", async ({ name, sizes, reader, exception }) => {
  const rawFolder = join(scratch, name.replaceAll(" ", "-"));
  for (const [folder, file] of [
    ["imagesTr", "c_0000.nii"],
    ["labelsTr", "c.nii"],
  ] as const) {
    await mkdir(join(rawFolder, folder), { recursive: true });
    await writeFile(join(rawFolder, folder, file), flatNifti(sizes));
  }
  const report = await judge(name, rawFolder, {
    channel_names: '{"0": "CT"}',
    numTraining: "1",
    file_ending: '".nii"',
    ...reader,
  });
  expect(report.findings.find(({ check }) => check === "image-dimensions")).toMatchObject({
    severity: "error",
    text: expect.stringContaining("three axes"),
  });
  expect(likeNnunet(report).exception?.type).toBe(exception);
});

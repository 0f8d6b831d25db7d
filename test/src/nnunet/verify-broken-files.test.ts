import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { likeNnunet } from "../../../src/nnunet/datasets/verify/like-nnunet.js";
import { verifyDataset } from "../../../src/nnunet/datasets/verify/verify-dataset.js";
import { goldenPath } from "../../support/golden.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "verify-broken-"));
});
afterAll(() => rm(scratch, { recursive: true }));

interface Broken {
  readonly of?: string;
  readonly json?: Readonly<Record<string, unknown>>;
  /** Does the harm; paths are those of the copy. */
  readonly harm?: (at: (path: string) => string) => Promise<unknown>;
}

let copies = 0;

/** Copies a good data set, harms it, and says what nnU-Net's own check would do. */
async function judge({ of = "good", json = {}, harm }: Broken) {
  const rawFolder = join(scratch, `Dataset${++copies}`);
  await cp(goldenPath("tools", "integrity", of), rawFolder, { recursive: true });
  const names = await readdir(rawFolder, { recursive: true });
  for (const name of names) await chmod(join(rawFolder, name), 0o755);
  const path = join(rawFolder, "dataset.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...json }));
  await harm?.((name) => join(rawFolder, name));
  const report = await verifyDataset(
    { name: "Dataset001_Broken", rawFolder },
    { workers: 1, progress: silentProgress, signal: new AbortController().signal, environment: {} },
  );
  const { isFine, exception, lines } = likeNnunet(report);
  const kinds = lines.map((line) => /^\w+: \w+(?: number)?/.exec(line)?.[0] ?? line);
  return { report, nnunet: { isFine, type: exception?.type ?? null, kinds } };
}

const fine = { isFine: true, type: null, kinds: [] };
const stopsWith = (type: string, kinds: readonly string[] = []) => ({ isFine: false, type, kinds });
const nibabel = { overwrite_image_reader_writer: "NibabelIO" };

// Everything that `nnunet` is compared with is what nnunetv2 2.8.1's verify_dataset_integrity did with such files.

test.each<[name: string, broken: Broken]>([
  ["an image", { harm: (at) => truncate(at("imagesTr/case1_0000.nii.gz"), 1000) }],
  ["a label", { harm: (at) => truncate(at("labelsTr/case1.nii.gz"), 200) }],
  ["the checksum of an image", { harm: (at) => truncate(at("imagesTr/case1_0000.nii.gz"), 1684) }],
  [
    "the checksum of an image for NibabelIO",
    { json: nibabel, harm: (at) => truncate(at("imagesTr/case1_0000.nii.gz"), 1684) },
  ],
])("%s that is cut off is an error, although nnU-Net reads it with 0 for the rest", async (_, broken) => {
  const { report, nnunet } = await judge(broken);
  expect(nnunet).toEqual(fine);
  expect(report.isFine).toBe(false);
  expect(report.findings).toContainEqual(expect.objectContaining({ severity: "error", check: "unreadable" }));
});

const asNifti = async (at: (path: string) => string) => {
  for (const folder of ["imagesTr", "labelsTr"])
    for (const name of await readdir(at(folder))) {
      const path = join(at(folder), name);
      await writeFile(path.replace(/\.gz$/, ""), gunzipSync(await readFile(path)));
      await rm(path);
    }
};

test.each<[name: string, exception: string, broken: Broken]>([
  [
    "an image cut off within its header",
    "RuntimeError",
    { harm: (at) => truncate(at("imagesTr/case1_0000.nii.gz"), 60) },
  ],
  [
    "an image cut off in the middle for nibabel",
    "EOFError",
    { json: nibabel, harm: (at) => truncate(at("imagesTr/case1_0000.nii.gz"), 1200) },
  ],
  [
    "an image cut off at its start for nibabel",
    "ImageFileError",
    { json: nibabel, harm: (at) => truncate(at("imagesTr/case1_0000.nii.gz"), 300) },
  ],
  [
    "an uncompressed image cut off for nibabel",
    "OSError",
    {
      json: { ...nibabel, file_ending: ".nii" },
      harm: async (at) => {
        await asNifti(at);
        await truncate(at("imagesTr/case1_0000.nii"), 1200);
      },
    },
  ],
  [
    "a text in place of an image",
    "RuntimeError",
    { of: "good_mha", harm: (at) => writeFile(at("imagesTr/case1_0000.mha"), "hello\n") },
  ],
  [
    "a folder in place of a label",
    "AssertionError",
    {
      harm: async (at) => {
        await rm(at("labelsTr/case1.nii.gz"));
        await mkdir(at("labelsTr/case1.nii.gz"));
      },
    },
  ],
  [
    "a case whose images all have wrong suffixes",
    "IndexError",
    {
      json: { numTraining: 4 },
      harm: async (at) => {
        await cp(at("imagesTr/case1_0000.nii.gz"), at("imagesTr/zz_1.nii.gz"));
        // Without five characters and the ending, an empty name is left.
        await cp(at("imagesTr/case1_0000.nii.gz"), at("imagesTr/zz12_1.nii.gz"));
        await rm(at("imagesTr/zz_1.nii.gz"));
        await cp(at("labelsTr/case1.nii.gz"), at("labelsTr/z.nii.gz"));
      },
    },
  ],
])("%s stops nnU-Net with %s", async (_, exception, broken) => {
  const { report, nnunet } = await judge(broken);
  expect(nnunet).toMatchObject({ isFine: false, type: exception });
  expect(report.isFine).toBe(false);
});

const listed = (changes: Readonly<Record<string, unknown>>) => ({
  numTraining: 2,
  dataset: {
    a: { images: ["imagesTr/case0_0000.mha", "imagesTr/case0_0001.mha"], label: "labelsTr/case0.mha" },
    b: {
      images: ["imagesTr/case1_0000.mha", "imagesTr/case1_0001.mha"],
      label: "labelsTr/case1.mha",
      ...changes,
    },
  },
});

test.each<[name: string, changes: Readonly<Record<string, unknown>>, exception: string]>([
  ["no label", { label: undefined }, "KeyError"],
  ["the label null", { label: null }, "TypeError"],
  ["no images", { images: undefined }, "KeyError"],
  ["a number for the images", { images: 5 }, "TypeError"],
  ["a text for the images", { images: "imagesTr/case1_0000.mha" }, "FileNotFoundError"],
  ["an empty list of images", { images: [] }, "IndexError"],
])("a listed case with %s", async (_, changes, exception) => {
  const { report, nnunet } = await judge({ of: "good_mha", json: listed(changes) });
  expect(nnunet).toMatchObject({ isFine: false, type: exception });
  expect(report.isFine).toBe(false);
});

test("the files of listed cases may have another ending than dataset.json says", async () => {
  const json = { ...listed({}), file_ending: ".foo", overwrite_image_reader_writer: "SimpleITKIO" };
  expect((await judge({ of: "good_mha", json })).nnunet).toEqual(fine);
  const named = { a: { images: ["imagesTr/case0_0000.nii.gz"], label: "labelsTr/case0.nii.gz" } };
  const channels = { channel_names: { 0: "m0" }, numTraining: 1, dataset: named };
  expect((await judge({ json: { ...channels, ...nibabel, file_ending: ".foo" } })).nnunet).toEqual(fine);
});

test("true and false count as the labels 1 and 0", async () => {
  const { report, nnunet } = await judge({ json: { labels: { background: false, a: true, b: 2 } } });
  expect(nnunet).toEqual(fine);
  expect(report.isFine).toBe(true);
});

/** Writes a MetaImage with zeros. */
const mha = (path: string, sizes: readonly number[], { spacing = 1 } = {}) => {
  const axes = sizes.map(() => 1);
  const header = [
    `NDims = ${sizes.length}`,
    `DimSize = ${sizes.join(" ")}`,
    `ElementSpacing = ${axes.map((one, i) => (i === 0 ? spacing : one)).join(" ")}`,
    "ElementType = MET_UCHAR",
    "ElementDataFile = LOCAL\n",
  ];
  const count = sizes.reduce((product, size) => product * size, 1);
  return writeFile(path, Buffer.concat([Buffer.from(header.join("\n")), Buffer.alloc(count)]));
};

const oneCase = (channels: number) => ({
  numTraining: 1,
  channel_names: Object.fromEntries(Array.from({ length: channels }, (_, i) => [i, "m"])),
  dataset: { a: { images: ["image.mha"], label: "label.mha" } },
});

test("a 4-D image stops nnU-Net when it compares four numbers of its place with three", async () => {
  const { report, nnunet } = await judge({
    of: "good_mha",
    json: oneCase(2),
    harm: async (at) => {
      await mha(at("image.mha"), [7, 6, 5, 2]);
      await mha(at("label.mha"), [7, 6, 5]);
    },
  });
  expect(nnunet).toEqual(stopsWith("ValueError"));
  const errors = report.findings.filter(({ severity }) => severity === "error");
  expect(errors.map(({ check }) => check)).toEqual(["axes"]);
});

test("what nnU-Net prints before it fails to compare the places is printed, in its order", async () => {
  const { nnunet } = await judge({
    of: "good_mha",
    json: oneCase(3),
    harm: async (at) => {
      await mha(at("image.mha"), [7, 6, 5, 2]);
      await mha(at("label.mha"), [7, 5, 5], { spacing: 2 });
    },
  });
  const kinds = ["Error: Shape", "Error: Spacing", "Error: Unexpected number"];
  expect(nnunet).toEqual(stopsWith("ValueError", kinds));
});

test("a flat label beside an image with one slice stops nnU-Net with ValueError", async () => {
  const { nnunet } = await judge({
    of: "good_mha",
    json: oneCase(1),
    harm: async (at) => {
      await mha(at("image.mha"), [7, 6, 1]);
      await mha(at("label.mha"), [7, 6]);
    },
  });
  expect(nnunet).toEqual(stopsWith("ValueError", ["Error: Spacing"]));
});

test.each(["SimpleITKIOWithReorient"])("%s refuses flat images", async (reader) => {
  const { nnunet } = await judge({
    of: "good_mha",
    json: { ...oneCase(1), overwrite_image_reader_writer: reader },
    harm: async (at) => {
      await mha(at("image.mha"), [7, 6]);
      await mha(at("label.mha"), [7, 6]);
    },
  });
  expect(nnunet).toEqual(stopsWith("RuntimeError"));
});

test("NIfTI-2 is read with NibabelIO, because ITK does not read it", async () => {
  const file = (size: number): Buffer => {
    const bytes = Buffer.alloc(544 + size);
    bytes.writeInt32LE(540, 0);
    bytes.write("n+2\0\r\n\x1a\n", 4, "latin1");
    bytes.writeInt16LE(2, 12);
    bytes.writeInt16LE(8, 14);
    [3, size, 1, 1, 1, 1, 1, 1].forEach((value, i) => void bytes.writeBigInt64LE(BigInt(value), 16 + 8 * i));
    for (let i = 0; i < 8; i++) bytes.writeDoubleLE(1, 104 + 8 * i);
    bytes.writeBigInt64LE(544n, 168);
    return bytes;
  };
  const two: Broken = {
    json: {
      numTraining: 1,
      channel_names: { 0: "m" },
      dataset: { a: { images: ["image.nii.gz"], label: "label.nii.gz" } },
    },
    harm: async (at) => {
      for (const name of ["image", "label"]) await writeFile(at(`${name}.nii.gz`), gzipSync(file(6)));
    },
  };
  const { report, nnunet } = await judge(two);
  expect(nnunet).toEqual(fine);
  expect(report.reader).toBe("NibabelIO");
  const json = { ...two.json, overwrite_image_reader_writer: "SimpleITKIO" };
  expect((await judge({ ...two, json })).nnunet).toEqual(stopsWith("RuntimeError"));
});

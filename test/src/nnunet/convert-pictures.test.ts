import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { main } from "../../../src/cli/main.js";
import { repositoryRoot } from "../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

let folder = "";
let terminal: TestTerminal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pictures-"));
  terminal = {
    ...testTerminal(folder),
    environment: { nnUNet_raw: join(folder, "raw"), nnUNet_raw_data_base: join(folder, "base") },
  };
});
afterEach(() => rmSync(folder, { recursive: true }));

const convert = (...argv: readonly string[]): Promise<number> => {
  const name = argv.includes("v1") ? "Task001_X" : "Dataset001_X";
  return main(["dataset", "convert", ...argv, "--from", "pictures", "--name", name], terminal);
};

const pictures = (...parts: readonly string[]): string =>
  join(repositoryRoot, "test", "fixtures", "pictures-to-nnunet", ...parts);
const result = (...parts: readonly string[]): string => join(folder, "raw", "Dataset001_X", ...parts);

async function expectSame(own: string, expected: string): Promise<void> {
  const [a, b] = [await readImage(own), await readImage(expected)];
  expect(a.voxels).toEqual(b.voxels);
  expect(a.geometry).toEqual(b.geometry);
}

// The expected files are those of nnunet 1.7.1's convert_2d_image_to_nifti and convert_3d_tiff_to_nifti.
test.each(readdirSync(pictures()))("%s are converted as by nnU-Net v1", async (name) => {
  const spacing = name.startsWith("volume") ? ["--spacing", "3", "0.5", "0.25"] : [];
  expect(await convert(pictures(name, "in"), ...spacing), terminal.printed.err).toBe(0);
  for (const part of ["imagesTr", "labelsTr"]) {
    expect(readdirSync(result(part))).toEqual(readdirSync(pictures(name, "expected", part)));
    for (const file of readdirSync(result(part)))
      await expectSame(result(part, file), pictures(name, "expected", part, file));
  }
});

/** Makes a folder with pictures of the given names, all alike. */
function sourceOf(names: readonly string[]): string {
  const source = join(folder, "source");
  for (const name of names) {
    mkdirSync(join(source, name, ".."), { recursive: true });
    const part = name.startsWith("labels") ? "labelsTr" : "imagesTr";
    const from = pictures("grey", "in", part);
    cpSync(join(from, readdirSync(from)[0]!), join(source, name));
  }
  return source;
}

const named = ["--channel", "grey", "--label", "background=0", "road=1"];

test("a number at the end of a name belongs to the case if the label has it too", async () => {
  const source = sourceOf(["imagesTr/road_0007.png", "imagesTr/road_0008.png", "labelsTr/road_0007.png"]);
  expect(await convert(source, ...named)).toBe(0);
  expect(readdirSync(result("imagesTr"))).toEqual(["road_0007_0000.nii.gz"]);
  expect(readdirSync(result("labelsTr"))).toEqual(["road_0007.nii.gz"]);
  expect(terminal.printed.err).toContain(
    "1 of 2 pictures in imagesTr have no label and are left out: road_0008",
  );
});

test("a number that the label lacks is a channel", async () => {
  const source = sourceOf(["imagesTr/a_0000.png", "imagesTr/a_0001.png", "labelsTr/a.png"]);
  expect(await convert(source, ...named)).toBe(0);
  expect(readdirSync(result("imagesTr"))).toEqual(["a_0000.nii.gz", "a_0001.nii.gz"]);
});

test("test pictures and their labels are converted too, and dataset.json is written", async () => {
  const source = sourceOf(["imagesTr/a.png", "labelsTr/a.png", "imagesTs/t.png", "labelsTs/t.png"]);
  expect(await convert(source, ...named, "--relabel", "rest=1")).toBe(0);
  expect(readdirSync(result())).toEqual(["dataset.json", "imagesTr", "imagesTs", "labelsTr", "labelsTs"]);
  expect(JSON.parse(readFileSync(result("dataset.json"), "utf8"))).toMatchObject({
    channel_names: { 0: "grey" },
    labels: { background: 0, road: 1 },
    numTraining: 1,
    file_ending: ".nii.gz",
  });
  const { voxels } = await readImage(result("labelsTr", "a.nii.gz"));
  expect(new Set(voxels as Uint32Array)).toEqual(new Set([0, 1]));
});

test("a task of v1 gets the dataset.json of v1", async () => {
  const source = sourceOf(["imagesTr/a.png", "labelsTr/a.png", "imagesTs/t.png"]);
  expect(await convert(source, ...named, "--nnunet", "v1", "--relabel", "255=1")).toBe(0);
  const text = readFileSync(join(folder, "base/nnUNet_raw_data/Task001_X/dataset.json"), "utf8");
  expect(JSON.parse(text)).toEqual({
    description: "",
    labels: { 0: "background", 1: "road" },
    licence: "hands off!",
    modality: { 0: "grey" },
    name: "Task001_X",
    numTest: 1,
    numTraining: 1,
    reference: "",
    release: "0.0",
    tensorImageSize: "4D",
    test: ["./imagesTs/t.nii.gz"],
    training: [{ image: "./imagesTr/a.nii.gz", label: "./labelsTr/a.nii.gz" }],
  });
});

test("the reader of the pictures is not kept in dataset.json", async () => {
  const source = sourceOf(["imagesTr/a.png", "labelsTr/a.png"]);
  const json = {
    channel_names: { 0: "R" },
    overwrite_image_reader_writer: "NaturalImage2DIO",
    numTraining: 9,
  };
  writeFileSync(join(source, "dataset.json"), JSON.stringify(json));
  expect(await convert(source)).toBe(0);
  expect(JSON.parse(readFileSync(result("dataset.json"), "utf8"))).toEqual({
    channel_names: { 0: "R" },
    numTraining: 1,
    file_ending: ".nii.gz",
  });
});

test.each([
  { names: ["imagesTr/a.png", "labelsTr/b.png"], says: "the label b.png has no picture" },
  { names: ["imagesTr/a.png", "imagesTr/a.bmp", "labelsTr/a.png"], says: "would get the same name" },
  { names: ["imagesTr/a.png"], says: "labelsTr has no .png, .bmp or .tif files" },
])("$names are refused", async ({ names, says }) => {
  expect(await convert(sourceOf(names), ...named)).toBe(4);
  expect(terminal.printed.err).toContain(says);
});

test.each([
  { argv: ["--relabel", "255"], says: "--relabel takes words such as 255=1" },
  { argv: ["--spacing", "1", "2"], says: "--spacing takes three lengths" },
  { argv: ["--spacing", "1", "0", "2"], says: "--spacing takes three lengths" },
  { argv: ["--channel", "R"], says: "dataset.json needs --channel and --label" },
])("$argv is refused", async ({ argv, says }) => {
  expect(await convert(sourceOf(["imagesTr/a.png", "labelsTr/a.png"]), ...argv)).toBe(2);
  expect(terminal.printed.err).toContain(says);
});

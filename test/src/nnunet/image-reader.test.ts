import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseReader, type ReaderChoice } from "../../../src/nnunet/datasets/image-reader.js";
import { repositoryRoot } from "../../support/golden.js";

// What is expected is what nnunetv2 2.8.1's determine_reader_writer_from_file_ending did with such files.

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "image-reader-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Chooses the reader for a copy of a fixture with another ending. */
function choice(
  fixture: string,
  ending: string,
  readerOverride: string | null = null,
): Promise<ReaderChoice> {
  const example = join(folder, `case_0000${ending}`);
  copyFileSync(join(repositoryRoot, "test", "fixtures", fixture), example);
  return chooseReader({ readerOverride, fileEnding: ending }, example);
}

test.each([
  { fixture: "images/grey8.png", ending: ".png", reader: "NaturalImage2DIO" },
  { fixture: "images/grey8.png", ending: ".PNG", reader: "NaturalImage2DIO" },
  { fixture: "tiff/grey.bmp", ending: ".bmp", reader: "NaturalImage2DIO" },
  { fixture: "tiff/flat8.tif", ending: ".tif", reader: "NaturalImage2DIO" },
  { fixture: "tiff/pages.tif", ending: ".tif", reader: "Tiff3DIO" },
  { fixture: "tiff/pages.tif", ending: ".tiff", reader: "Tiff3DIO" },
  { fixture: "images/int16.nii.gz", ending: ".nii.gz", reader: "SimpleITKIO" },
  { fixture: "images/int16.nii.gz", ending: ".NII.GZ", reader: "SimpleITKIO" },
  { fixture: "images/int16.nii.gz", ending: ".NII.gz", reader: "NibabelIO" },
  { fixture: "images/int16.nrrd", ending: ".nrrd", reader: "SimpleITKIO" },
  { fixture: "images/int16.nrrd", ending: ".NRRD", reader: "SimpleITKIO" },
  { fixture: "images/int16.mha", ending: ".mha", reader: "SimpleITKIO" },
  { fixture: "images/float32.gipl", ending: ".gipl", reader: "SimpleITKIO" },
  { fixture: "images/codes_q1_s1.nii", ending: ".nii", reader: "NibabelIO" },
])("$fixture as $ending is read by $reader", async ({ fixture, ending, reader }) => {
  expect(await choice(fixture, ending)).toEqual({ reader, unknownName: null });
});

test.each([
  { fixture: "tiff/flat8.tif", ending: ".tiff", says: "no reader of nnU-Net can read" },
  { fixture: "images/int16.nii.gz", ending: ".Nii.gz", says: "use small ones" },
  { fixture: "images/int16.mha", ending: ".MHA", says: "use small ones" },
  { fixture: "images/float32.gipl", ending: ".GIPL", says: "use small ones" },
  { fixture: "images/grey8.png", ending: ".jpg", says: "nnU-Net reads no files that end with .jpg" },
])("$fixture as $ending has no reader", async ({ fixture, ending, says }) => {
  await expect(choice(fixture, ending)).rejects.toMatchObject({
    code: "DATASET_INVALID",
    message: expect.stringContaining(says),
  });
});

test("a reader that dataset.json names is taken, an unknown one is not", async () => {
  expect(await choice("images/int16.nii.gz", ".nii.gz", "NibabelIOWithReorient")).toEqual({
    reader: "NibabelIOWithReorient",
    unknownName: null,
  });
  expect(await choice("images/int16.nii.gz", ".nii.gz", "NiftyIO")).toEqual({
    reader: "SimpleITKIO",
    unknownName: "NiftyIO",
  });
});

test("a file that no reader can read has none", async () => {
  const example = join(folder, "case_0000.nii.gz");
  writeFileSync(example, "hello");
  await expect(chooseReader({ readerOverride: null, fileEnding: ".nii.gz" }, example)).rejects.toMatchObject({
    code: "DATASET_INVALID",
  });
});

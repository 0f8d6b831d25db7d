import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { readSpacingFile } from "../../../../processor/imaging/formats/spacing-file.js";
import { adversarialTexts } from "../../../support/adversarial-texts.js";
import { ownTime } from "../../../support/own-time.js";

const scratch = mkdtempSync(join(tmpdir(), "adversarial-images-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");
const metaImage = "ObjectType = Image\nNDims = 3\nDimSize = 1 1 1\nElementType = MET_SHORT\n";
const nrrd = "NRRD0004\ntype: short\ndimension: 3\nsizes: 1 1 1\nencoding: raw\n";

/** Makes a file of each format whose header, or one field of it, is the given text. */
const files: Readonly<Record<string, (text: string) => readonly [name: string, bytes: Buffer]>> = {
  NIfTI: (text) => ["a.nii", bytesOf(text)],
  "NIfTI with an extension": (text) => ["a.nii", Buffer.concat([Buffer.from([92, 1, 0, 0]), bytesOf(text)])],
  "a MetaImage": (text) => ["a.mha", bytesOf(text)],
  "a key of a MetaImage": (text) => ["a.mha", bytesOf(`${metaImage}${text} = 1\n`)],
  "a value of a MetaImage": (text) => ["a.mha", bytesOf(`${metaImage}Offset = ${text}\n`)],
  "a MetaImage's data file": (text) => ["a.mhd", bytesOf(`${metaImage}ElementDataFile = ${text}\n`)],
  NRRD: (text) => ["a.nrrd", bytesOf(text)],
  "a key of an NRRD": (text) => ["a.nrrd", bytesOf(`${nrrd}${text}: 1\n\n`)],
  "directions of an NRRD": (text) => ["a.nrrd", bytesOf(`${nrrd}space directions: ${text}\n\n`)],
  "lengths of an NRRD": (text) => ["a.nrrd", bytesOf(`${nrrd}spacings: ${text}\n\n`)],
  GIPL: (text) => ["a.gipl", bytesOf(text)],
  PNG: (text) => ["a.png", Buffer.concat([bytesOf("\x89PNG\r\n\x1a\n"), bytesOf(text)])],
  BMP: (text) => ["a.bmp", bytesOf(`BM${text}`)],
  TIFF: (text) => ["a.tif", bytesOf(`II*\0\x08\0\0\0${text}`)],
};

describe("the time grows in proportion to the length for the reader of", () => {
  test.each(Object.entries(files))("%s", async (_, make) => {
    for (const [title, text] of adversarialTexts(1_000_000)) {
      const [name, bytes] = make(text);
      const path = join(scratch, name);
      writeFileSync(path, bytes);
      await takesLittleTime(title, () => readImage(path));
    }
  });

  test("a spacing next to a TIFF", async () => {
    for (const length of [60_000, 1_000_000])
      for (const [title, text] of adversarialTexts(length)) {
        writeFileSync(join(scratch, "b.json"), text);
        await takesLittleTime(title, () => readSpacingFile(join(scratch, "b_0000.tif")));
      }
  });
});

async function takesLittleTime(title: string, read: () => Promise<unknown>): Promise<void> {
  const elapsed = ownTime();
  await expect(read(), title).rejects.toMatchObject({ name: "ProcessorError" });
  expect(elapsed(), title).toBeLessThan(2000);
}

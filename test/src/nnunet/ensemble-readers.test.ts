import { readdirSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { ensembleFolders } from "../../../src/nnunet/selection/ensemble-folders.js";
import { expectSameSegmentation } from "../../support/same-segmentation.js";

const fixtures = join("test", "fixtures", "readers-of-ensembles");
const readers = readdirSync(fixtures).filter((name) => !name.includes("."));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ensemble-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe.each(readers)("the probabilities of a data set of %s", (reader) => {
  const expected = join(fixtures, reader, "expected");
  const names = readdirSync(expected);
  const segmentation = names.find((name) => !name.endsWith(".json"))!;

  const ensemble = (): Promise<number> =>
    ensembleFolders({
      folders: [join(folder, "first"), join(folder, "second")],
      outputFolder: join(folder, "ensemble"),
      savesProbabilities: false,
      progress: silentProgress,
      signal: new AbortController().signal,
    });

  test("become nnU-Net's segmentation, at the place that their properties name", async () => {
    await cp(join(fixtures, reader), folder, { recursive: true });
    await ensemble();
    expect(readdirSync(join(folder, "ensemble")).sort()).toEqual([...names].sort());
    await expectSameSegmentation(join(folder, "ensemble", segmentation), join(expected, segmentation));
    for (const name of names.filter((each) => each.endsWith(".json")))
      expect(await readFile(join(folder, "ensemble", name), "utf8")).toBe(
        await readFile(join(expected, name), "utf8"),
      );
  });

  test("become the same segmentation next to a segmentation that one model wrote", async () => {
    await cp(join(fixtures, reader), folder, { recursive: true });
    // The spacing of a TIFF is in a .json next to it.
    for (const name of names.filter((each) => each.startsWith("case.")))
      await cp(join(expected, name), join(folder, "first", name));
    await ensemble();
    await expectSameSegmentation(join(folder, "ensemble", segmentation), join(expected, segmentation));
  });
});

test("a wrong qform in a segmentation is ignored, because nibabel's readers take the sform", async () => {
  await cp(join(fixtures, "NibabelIOWithReorient"), folder, { recursive: true });
  const expected = join(folder, "expected", "case.nii");
  const header = await readFile(expected);
  header.writeInt16LE(1, 252);
  // A quarter turn around x.
  [Math.SQRT1_2, 0, 0].forEach((part, i) => void header.writeFloatLE(part, 256 + 4 * i));
  await writeFile(join(folder, "first", "case.nii"), header);
  await ensembleFolders({
    folders: [join(folder, "first"), join(folder, "second")],
    outputFolder: join(folder, "ensemble"),
    savesProbabilities: false,
    progress: silentProgress,
    signal: new AbortController().signal,
  });
  const read = (path: string) => readImage(path, { imageReader: "NibabelIO" });
  const found = await read(join(folder, "ensemble", "case.nii"));
  const { voxels, geometry } = await read(expected);
  expect([...found.voxels]).toEqual([...voxels]);
  expect(found.geometry).toEqual(geometry);
});

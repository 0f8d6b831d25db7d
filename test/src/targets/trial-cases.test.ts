import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { findTrialCases, layOutSockets } from "../../../src/targets/simulate/trial-cases.js";
import { testImage } from "../../support/images/test-image.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

function folderWith(...names: readonly string[]): string {
  const folder = scratchFolder();
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), "");
  }
  return folder;
}

describe("the cases of a folder", () => {
  test("are its files, one case for the channels of one name", async () => {
    const folder = folderWith("a_0000.mha", "a_0001.mha", "b.nii.gz", "notes.txt");
    expect(await findTrialCases(folder)).toEqual([
      { name: "a", images: [join(folder, "a_0000.mha"), join(folder, "a_0001.mha")], folder: null },
      { name: "b", images: [join(folder, "b.nii.gz")], folder: null },
    ]);
  });

  test("are its folders, if they are arranged like /input", async () => {
    const folder = folderWith("one/images/ct/x.mha", "two/inputs.json", "two/images/ct/y.mha", "three/z.txt");
    const cases = await findTrialCases(folder);
    expect(cases.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(cases[1]!.images).toEqual([join(folder, "two", "images", "ct", "y.mha")]);
  });

  test("is the folder itself, if it is arranged like /input", async () => {
    const folder = folderWith("inputs.json", "images/ct/x.mha");
    expect(await findTrialCases(folder)).toMatchObject([{ folder }]);
  });

  test("are asked for if there are none", async () => {
    await expect(findTrialCases(folderWith("a.txt"))).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    await expect(findTrialCases(join(scratchFolder(), "no"))).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
    });
  });
});

describe("a case in sockets", () => {
  test("has one MetaImage in each socket's folder and a list in either spelling", async () => {
    const source = scratchFolder();
    await writeImage(testImage([2, 3, 4]), join(source, "a_0000.nii.gz"));
    await writeImage(testImage([2, 3, 4]), join(source, "a_0001.mha"));
    const [trialCase] = await findTrialCases(source);
    for (const spelling of ["interface", "socket"] as const) {
      const folder = scratchFolder();
      await layOutSockets({ trialCase: trialCase!, folder, slugs: ["t1", "flair"], spelling });
      for (const slug of ["t1", "flair"]) {
        const [name, ...more] = readdirSync(join(folder, "images", slug));
        expect(more).toEqual([]);
        expect(name).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.mha$/);
        expect((await readImage(join(folder, "images", slug, name!))).geometry.sizeZyx).toEqual([2, 3, 4]);
      }
      const values = JSON.parse(readFileSync(join(folder, "inputs.json"), "utf8")) as Record<
        string,
        unknown
      >[];
      expect(values.map((value) => value[spelling])).toMatchObject([{ slug: "t1" }, { slug: "flair" }]);
    }
  });

  test("needs as many sockets as channels", async () => {
    const folder = folderWith("a_0000.mha", "a_0001.mha");
    const [trialCase] = await findTrialCases(folder);
    const options = {
      trialCase: trialCase!,
      folder: scratchFolder(),
      slugs: ["t1"],
      spelling: "socket",
    } as const;
    await expect(layOutSockets(options)).rejects.toMatchObject({ code: "USAGE" });
  });
});

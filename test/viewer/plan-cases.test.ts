import { describe, expect, test } from "vitest";
import type { InputFile } from "../../viewer/src/input/dropped-files.js";
import { planCases } from "../../viewer/src/input/plan-cases.js";

const files = (...paths: readonly string[]): readonly InputFile[] =>
  paths.map((path) => ({ path, file: new File(["x"], path.split("/").at(-1)!) }));

const planned = (channels: readonly string[], ...paths: readonly string[]) => {
  const { cases, problems } = planCases(files(...paths), channels);
  return { cases: cases.map(({ name, inputs }) => [name, ...inputs.map((input) => input.name)]), problems };
};

describe("a model with one channel", () => {
  test("makes a case of each image", () => {
    expect(planned(["CT"], "a_0000.nii.gz", "b.mha")).toEqual({
      cases: [
        ["a", "a_0000.nii.gz"],
        ["b", "b.mha"],
      ],
      problems: [],
    });
  });

  test("makes one case of each folder with DICOM files", () => {
    const { cases } = planCases(files("study/ct/1.dcm", "study/ct/2.dcm", "study/mr/IM0001"), ["CT"]);
    expect(cases.map(({ name, inputs }) => [name, inputs[0]!.files.length, inputs[0]!.isDicom])).toEqual([
      ["ct", 2, true],
      ["mr", 1, true],
    ]);
  });

  test("names files that are not images, and leaves them out", () => {
    expect(planned(["CT"], "a.nii.gz", "notes.pdf")).toEqual({
      cases: [["a", "a.nii.gz"]],
      problems: ["Left out: notes.pdf."],
    });
  });

  test("says which files it takes if there is no image", () => {
    const { cases, problems } = planned(["CT"], "notes.pdf");
    expect(cases).toEqual([]);
    expect(problems).toEqual([expect.stringContaining("notes.pdf: not an image. Use NIfTI")]);
  });
});

describe("a model with two channels", () => {
  const channels = ["T1", "FLAIR"];

  test("sorts images into cases by nnU-Net's numbers", () => {
    expect(
      planned(channels, "a_0001.nii.gz", "b_0000.nii.gz", "a_0000.nii.gz", "b_0001.nii.gz").cases,
    ).toEqual([
      ["a", "a_0000.nii.gz", "a_0001.nii.gz"],
      ["b", "b_0000.nii.gz", "b_0001.nii.gz"],
    ]);
  });

  test("takes images without numbers as one case", () => {
    expect(planned(channels, "flair.nii.gz", "t1.nii.gz").cases).toEqual([
      ["flair", "flair.nii.gz", "t1.nii.gz"],
    ]);
  });

  test("shows a case that lacks an image", () => {
    expect(planned(channels, "a_0000.nii.gz").cases).toEqual([["a", "a_0000.nii.gz"]]);
  });
});

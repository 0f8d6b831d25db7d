import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type FoundCases, findCases } from "../../../../processor/runtime/cases/find-cases.js";
import { findImageCases } from "../../../../processor/runtime/cases/find-image-cases.js";
import { goldenPath } from "../../../support/golden.js";
import { testSettings } from "../../../support/model/convert.js";

const scratch = mkdtempSync(join(tmpdir(), "dicom-cases-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "input-"));
});

const series = {
  ct: goldenPath("dicom", "read", "ct_two_slices", "input"),
  mr: goldenPath("dicom", "read", "mr_8bit", "input"),
  inSubfolders: goldenPath("dicom", "read", "ct_subfolders", "input"),
  withoutPreamble: goldenPath("dicom", "read", "no_preamble_implicit", "input"),
};

/** Puts a copy of a series below the input folder. */
function putSeries(from: keyof typeof series, ...path: readonly string[]): string {
  const to = join(folder, ...path);
  cpSync(series[from], to, { recursive: true });
  return to;
}

const summary = ({ cases }: FoundCases) =>
  cases.map(({ name, inputs }) => [name, ...inputs.map(({ path }) => relative(folder, path))]);

describe("predict takes a series of DICOM images", () => {
  const find = (channelNames: readonly string[], inputs: readonly string[]) =>
    findCases({ inputs, channelNames, preferredEnding: ".nii.gz", mayHoldAllChannels: false });

  test("as a folder, which is one case with its name", async () => {
    const path = putSeries("ct", "series_1");
    const found = await find(["CT"], [path]);
    expect(found.cases).toEqual([
      {
        name: "series_1",
        ending: ".nii.gz",
        inputs: [{ kind: "dicom", path }],
      },
    ]);
  });

  test("whose files are in subfolders, without an ending, or without the preamble", async () => {
    const inputs = [putSeries("inSubfolders", "a"), putSeries("withoutPreamble", "b")];
    expect(summary(await find(["CT"], inputs))).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
  });

  test("as one file, or as a DICOMDIR that stands for its folder", async () => {
    writeFileSync(join(putSeries("ct", "study"), "DICOMDIR"), "");
    const inStudy = (name: string) => find(["CT"], [join(folder, "study", name)]);
    expect(summary(await inStudy("DICOMDIR"))).toEqual([["study", "study/DICOMDIR"]]);
    expect(summary(await inStudy("IM0001.dcm"))).toEqual([["IM0001", "study/IM0001.dcm"]]);
  });

  test("as a disc with a DICOMDIR and the pictures of a viewer", async () => {
    putSeries("ct", "disc/PAT1");
    for (const name of ["DICOMDIR", "logo.PNG", "autorun.inf"]) writeFileSync(join(folder, "disc", name), "");
    expect(summary(await find(["CT"], [join(folder, "disc")]))).toEqual([["disc", "disc"]]);
  });

  test("as the channels of one case, in the order given", async () => {
    const inputs = [putSeries("mr", "t2"), putSeries("mr", "adc")];
    expect(summary(await find(["T2", "ADC"], inputs))).toEqual([["t2", "t2", "adc"]]);
  });

  test("as the channels of several cases, if their folders are numbered", async () => {
    const inputs = ["b_0000", "a_0001", "a_0000", "b_0001"].map((name) => putSeries("mr", name));
    expect(summary(await find(["T2", "ADC"], inputs))).toEqual([
      ["b", "b_0000", "b_0001"],
      ["a", "a_0000", "a_0001"],
    ]);
  });

  test("next to images of other formats", async () => {
    const image = join(folder, "a_0000.nii.gz");
    writeFileSync(image, "");
    expect(summary(await find(["CT"], [putSeries("ct", "s"), image]))).toEqual([
      ["a", "a_0000.nii.gz"],
      ["s", "s"],
    ]);
  });

  test("but not a number of series that the model does not have", async () => {
    const inputs = ["a", "b", "c"].map((name) => putSeries("mr", name));
    await expect(find(["T2", "ADC"], inputs)).rejects.toMatchObject({
      code: "INPUT_CHANNELS",
      message: "the model takes 2 series (T2, ADC), in this order, but 3 are given: a, b, c",
    });
  });

  test("but not the single slices of a series, each as a case", async () => {
    const path = putSeries("ct", "s");
    const slices = ["IM0001.dcm", "IM0002.dcm"].map((name) => join(path, name));
    await expect(find(["CT"], slices)).rejects.toMatchObject({ code: "INPUT_AMBIGUOUS" });
  });

  test("but leaves DICOM files out of a folder of images", async () => {
    const path = putSeries("ct", "s");
    writeFileSync(join(path, "a_0000.nii.gz"), "");
    const { cases, leftOut } = await find(["CT"], [path]);
    expect(cases.map(({ name }) => name)).toEqual(["a"]);
    expect(leftOut.map(({ path: file, reason }) => [basename(file), reason])).toEqual([
      ["IM0001.dcm", "DICOM"],
      ["IM0002.dcm", "DICOM"],
    ]);
  });
});

describe("an image's input folder holds DICOM series", () => {
  const find = (channelNames: readonly string[], settings: Partial<typeof testSettings> = {}) =>
    findImageCases(
      { ...testSettings, inputDir: folder, ...settings },
      { channelNames, mayHoldAllChannels: false },
    );

  test("one in each subfolder", async () => {
    putSeries("ct", "a");
    putSeries("mr", "b", "deeper");
    mkdirSync(join(folder, "empty"));
    expect(summary(await find(["CT"]))).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
  });

  test("or one in the folder itself", async () => {
    folder = putSeries("ct", "a");
    expect(summary(await find(["CT"]))).toEqual([["a", ""]]);
  });

  test("or one that is spread over subfolders", async () => {
    folder = putSeries("inSubfolders", "a");
    expect(summary(await find(["CT"]))).toEqual([["a", ""]]);
  });

  test("as channels, by number or by the endings of config.json", async () => {
    for (const name of ["p_0001", "p_0000"]) putSeries("mr", name);
    // Copies have the same series, so that they would be one.
    rmSync(join(folder, "p_0001"), { recursive: true });
    putSeries("ct", "p_0001");
    expect(summary(await find(["T2", "ADC"]))).toEqual([["p", "p_0000", "p_0001"]]);
    const inputChannels = { T2: "_0001", ADC: "_0000" };
    expect(summary(await find(["T2", "ADC"], { inputChannels }))).toEqual([["p", "p_0001", "p_0000"]]);
  });

  test("but not as channels in an order that nobody gave", async () => {
    putSeries("ct", "a");
    putSeries("mr", "b");
    await expect(find(["T2", "ADC"])).rejects.toMatchObject({
      code: "INPUT_CHANNELS",
      message:
        "the folders of series should be named <case>_0000, <case>_0001 for the channels T2, ADC, but are a, b",
    });
  });
});

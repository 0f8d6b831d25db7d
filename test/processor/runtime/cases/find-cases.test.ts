import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type FoundCases, findCases } from "../../../../processor/runtime/cases/find-cases.js";
import { findImageCases } from "../../../../processor/runtime/cases/find-image-cases.js";
import { testSettings } from "../../../support/model/convert.js";

const scratch = mkdtempSync(join(tmpdir(), "find-cases-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "input-"));
});

function put(...names: readonly string[]): void {
  for (const name of names) writeFileSync(join(folder, name), "");
}

const fourDigits = (number: number): string => String(number).padStart(4, "0");

/** Case names with the names of their files, and what was left out with its reason. */
const summary = ({ cases, leftOut }: FoundCases) => ({
  cases: cases.map(({ name, inputs }) => [name, ...inputs.map(({ path }) => basename(path))]),
  leftOut: Object.fromEntries(leftOut.map(({ path, reason }) => [basename(path), reason])),
});

describe("a folder is grouped into cases as nnU-Net does", () => {
  const find = (channelNames: readonly string[], inputs = [folder]) =>
    findCases({ inputs, channelNames, preferredEnding: ".nii.gz", mayHoldAllChannels: false });

  test("by the channel's number, in the order of names and channels", async () => {
    put("b_0001.nii.gz", "a_0000.nii.gz", "b_0000.nii.gz", "a_0001.nii.gz");
    expect(summary(await find(["T1", "T2"]))).toEqual({
      cases: [
        ["a", "a_0000.nii.gz", "a_0001.nii.gz"],
        ["b", "b_0000.nii.gz", "b_0001.nii.gz"],
      ],
      leftOut: {},
    });
  });

  test("also if there are more files than arguments of a function can be", async () => {
    const names = Array.from({ length: 130_000 }, (_, i) => `c${i}.png`);
    for (const name of names) put(name);
    expect((await find(["grey"])).cases).toHaveLength(names.length);
  });

  test("also if the case's own name has numbers", async () => {
    put("liver_0007_0000.nii.gz", "liver_0008_0000.nii.gz");
    expect(summary(await find(["CT"])).cases.map(([name]) => name)).toEqual(["liver_0007", "liver_0008"]);
  });

  test("without the number if the model has one channel", async () => {
    put("patient.nii.gz", "scan_2024.nii.gz");
    expect(summary(await find(["CT"])).cases.map(([name]) => name)).toEqual(["patient", "scan_2024"]);
  });

  test("for every known ending, in upper or lower case", async () => {
    put("a_0000.nii.gz", "b_0000.mha", "c_0000.NII.GZ", "d_0000.nii", "e_0000.nrrd", "F.Tiff");
    const { cases } = await find(["CT"]);
    expect(cases.map(({ name, ending }) => name + ending)).toEqual([
      ...["F.tiff", "a.nii.gz", "b.mha", "c.nii.gz", "d.nii", "e.nrrd"],
    ]);
  });

  test("names everything else in the folder with the reason", async () => {
    put("a_0000.nii.gz", "notes.txt", ".hidden_0000.nii.gz", "scan.dcm", "README");
    writeFileSync(join(folder, "IM0001"), Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")]));
    mkdirSync(join(folder, "dir_0000.nii.gz"));
    mkdirSync(join(folder, "more"));
    execFileSync("mkfifo", [join(folder, "pipe_0000.nii.gz")]);
    expect(summary(await find(["CT"]))).toEqual({
      cases: [["a", "a_0000.nii.gz"]],
      leftOut: {
        ".hidden_0000.nii.gz": "hidden",
        IM0001: "DICOM",
        README: "not an image",
        "dir_0000.nii.gz": "folder",
        more: "folder",
        "notes.txt": "not an image",
        "pipe_0000.nii.gz": "not a regular file",
        "scan.dcm": "DICOM",
      },
    });
  });

  test("keeps a link that leads nowhere, so that its case fails", async () => {
    put("a_0000.nii.gz");
    symlinkSync(join(folder, "gone.nii.gz"), join(folder, "b_0000.nii.gz"));
    symlinkSync(join(folder, "a_0000.nii.gz"), join(folder, "c_0000.nii.gz"));
    expect((await find(["CT"])).cases.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });

  test("does not list the file with an image's voxels or a volume's spacing as left out", async () => {
    put("a_0000.mhd", "a_0000.raw", "b_0000.tif", "b.json", "c.raw");
    expect(summary(await find(["CT"]))).toEqual({
      cases: [
        ["a", "a_0000.mhd"],
        ["b", "b_0000.tif"],
      ],
      leftOut: { "c.raw": "not an image" },
    });
  });

  test("treats a picture next to volumes as a preview, and otherwise as a case", async () => {
    put("preview.png");
    expect(summary(await find(["CT"])).cases).toEqual([["preview", "preview.png"]]);
    put("a_0000.nii.gz");
    expect(summary(await find(["CT"]))).toEqual({
      cases: [["a", "a_0000.nii.gz"]],
      leftOut: { "preview.png": "picture beside volumes" },
    });
    const ofPictures = await findCases({
      inputs: [folder],
      channelNames: ["grey"],
      preferredEnding: ".png",
      mayHoldAllChannels: false,
    });
    expect(summary(ofPictures).cases.map(([name]) => name)).toEqual(["a", "preview"]);
  });

  test("and names a file that is not a channel of the model", async () => {
    put("a_0000.nii.gz", "a_0001.nii.gz", "stray.nii.gz", "b_0007.nii.gz");
    expect(summary(await find(["T1", "T2"]))).toEqual({
      cases: [["a", "a_0000.nii.gz", "a_0001.nii.gz"]],
      leftOut: {
        "b_0007.nii.gz": "not a channel of the model",
        "stray.nii.gz": "not a channel of the model",
      },
    });
  });

  describe("channels that the model does not have belong to their case, which then fails:", () => {
    test.each([
      { name: "four of a model with one", channels: ["CT"], numbers: ["0000", "0001", "0002", "0003"] },
      { name: "one that is missing between", channels: ["CT"], numbers: ["0000", "0002"] },
      { name: "four of a model with two", channels: ["T1", "T2"], numbers: ["0000", "0001", "0002", "0003"] },
      { name: "a hundred and one", channels: ["CT"], numbers: [...Array(101).keys()].map(fourDigits) },
    ])("$name", async ({ channels, numbers }) => {
      put(...numbers.map((number) => `brats_${number}.nii.gz`), "year_2021_0000.nii.gz");
      if (channels.length === 2) put("year_2021_0001.nii.gz");
      const { cases } = summary(await find(channels));
      expect(cases[0]).toEqual(["brats", ...numbers.map((number) => `brats_${number}.nii.gz`)]);
      expect(cases[1]![0]).toBe("year_2021");
    });

    test.each([
      { name: "a year", files: ["year_2021.nii.gz"] },
      { name: "a year beside a case of the same stem", files: ["year_0000.nii.gz", "year_2021.nii.gz"] },
      { name: "numbers that begin at 1", files: ["scan_0001.nii.gz", "scan_0002.nii.gz"] },
    ])("but not $name", async ({ files }) => {
      put(...files);
      expect(summary(await find(["CT"])).cases.map(([, ...own]) => own)).toEqual(files.map((file) => [file]));
    });
  });

  test("a case that lacks a channel is kept, and fails when it is read", async () => {
    put("a_0000.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz");
    expect(summary(await find(["T1", "T2"])).cases).toContainEqual(["a", "a_0000.nii.gz"]);
  });

  test("files and folders may be mixed, and links are followed", async () => {
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real", "a_0000.nii.gz"), "");
    symlinkSync(join(folder, "real"), join(folder, "link"));
    put("b_0000.nii.gz");
    const inputs = [join(folder, "link"), join(folder, "b_0000.nii.gz")];
    expect(summary(await find(["CT"], inputs)).cases.map(([name]) => name)).toEqual(["a", "b"]);
  });

  test("nothing found says how files should be named, and what was found instead", async () => {
    put("readme.txt", "1.raw", "2.raw");
    await expect(find(["T1", "T2"])).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      message: expect.stringMatching(
        /<case>_0000\.nii\.gz, <case>_0001\.nii\.gz; found 3 files that are not images: 1\.raw, 2\.raw, readme\.txt/,
      ),
    });
  });

  test.each([
    ["with and without a number", "a_0000.nii.gz", "a.nii.gz"],
    ["of different endings", "a_0000.nii.gz", "a_0000.mha"],
    ["in upper and lower case", "a_0000.nii.gz", "a_0000.NII.GZ"],
  ])("two files for one channel are refused: %s", async (_, ...files) => {
    put(...files);
    await expect(find(["CT"])).rejects.toMatchObject({
      code: "INPUT_AMBIGUOUS",
      message: expect.stringContaining("both channel 0 of case a"),
    });
  });

  test("a file that is not an image is refused when named", async () => {
    put("report.pdf");
    await expect(find(["CT"], [join(folder, "report.pdf")])).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
    });
  });
});

describe("an image's input folder", () => {
  const find = (channelNames: readonly string[], settings: Partial<typeof testSettings> = {}) =>
    findImageCases(
      { ...testSettings, inputDir: folder, ...settings },
      { channelNames, mayHoldAllChannels: false },
    );

  test("gives one case for each file with an allowed extension", async () => {
    put("amos_0034.nii.gz", "other.mha", "list.json", "anii.gzip", ".x.nii.gz");
    expect(summary(await find(["CT"]))).toEqual({
      cases: [["amos_0034", "amos_0034.nii.gz"]],
      leftOut: {
        ".x.nii.gz": "hidden",
        "anii.gzip": "not an image",
        "list.json": "not an image",
        "other.mha": "not an allowed extension",
      },
    });
  });

  test("takes every allowed extension", async () => {
    put("a.nii.gz", "b.mha");
    const { cases } = summary(await find(["CT"], { allowedExtensions: ["mha", "nii.gz"] }));
    expect(cases.map(([name]) => name)).toEqual(["a", "b"]);
  });

  test("compares extensions without regard to case, and ignores folders with such names", async () => {
    put("A.NII.GZ");
    mkdirSync(join(folder, "b.nii.gz"));
    expect(summary(await find(["CT"]))).toEqual({
      cases: [["A", "A.NII.GZ"]],
      leftOut: { "b.nii.gz": "folder" },
    });
  });

  test("groups channels by number", async () => {
    put("a_0001.nii.gz", "a_0000.nii.gz", "stray.nii.gz");
    expect(summary(await find(["T1", "T2"]))).toEqual({
      cases: [["a", "a_0000.nii.gz", "a_0001.nii.gz"]],
      leftOut: { "stray.nii.gz": "not a channel of the model" },
    });
  });

  test("groups channels by the endings that config.json names, in the network's order", async () => {
    put("p1_flair.nii.gz", "p1_t1.nii.gz", "p1_adc.nii.gz");
    const inputChannels = { T1: "_t1", FLAIR: "_flair" };
    expect(summary(await find(["T1", "FLAIR"], { inputChannels }))).toEqual({
      cases: [["p1", "p1_t1.nii.gz", "p1_flair.nii.gz"]],
      leftOut: { "p1_adc.nii.gz": "not a channel of the model" },
    });
  });

  test("keeps a case that lacks a named channel, which fails when it is read", async () => {
    put("p1_t1.nii.gz", "p2_t1.nii.gz", "p2_flair.nii.gz");
    const { cases } = summary(await find(["T1", "FLAIR"], { inputChannels: { T1: "_t1", FLAIR: "_flair" } }));
    expect(cases).toContainEqual(["p1", "p1_t1.nii.gz"]);
    expect(cases).toContainEqual(["p2", "p2_t1.nii.gz", "p2_flair.nii.gz"]);
  });

  test("with only images of other names is an error, not an empty success", async () => {
    put("scan.nii.gz");
    await expect(
      find(["T1", "FLAIR"], { inputChannels: { T1: "_t1", FLAIR: "_flair" } }),
    ).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      message: expect.stringContaining("<case>_t1, <case>_flair"),
    });
  });

  test("names the flag that takes images of other extensions, in a message of one line", async () => {
    put("a.nii.gz", "b.NII.GZ", "c.nrrd", "notes.txt");
    await expect(find(["CT"], { allowedExtensions: ["mha"] })).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      message: expect.stringMatching(
        /^No suitable.* found 3 images without an allowed extension: a\.nii\.gz, .*; to segment them too, pass --allowed-extensions mha,nii\.gz,nrrd$/,
      ),
    });
  });

  test("without suitable images lists the allowed extensions", async () => {
    put("scan.raw");
    await expect(find(["CT"], { allowedExtensions: ["mha", "nii.gz"] })).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      message: expect.stringMatching(/mha, nii\.gz; found 1 file that is not an image/),
    });
  });
});

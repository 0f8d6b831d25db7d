import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type FoundCases, findCases } from "../../../processor/entries/find-cases.js";
import { findImageCases } from "../../../processor/entries/find-image-cases.js";
import { testSettings } from "../../support/convert.js";

const scratch = mkdtempSync(join(tmpdir(), "find-cases-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "input-"));
});

function put(...names: readonly string[]): void {
  for (const name of names) writeFileSync(join(folder, name), "");
}

/** Case names with the names of their files. */
const summary = ({ cases, leftOver }: FoundCases) => ({
  cases: cases.map(({ name, channelFiles }) => [name, ...channelFiles.map((file) => basename(file))]),
  leftOver: leftOver.map((file) => basename(file)),
});

describe("a folder is grouped into cases as nnU-Net does", () => {
  const find = (channelNames: readonly string[], inputs = [folder]) =>
    findCases({ inputs, channelNames, preferredEnding: ".nii.gz" });

  test("by the channel's number, in the order of names and channels", async () => {
    put("b_0001.nii.gz", "a_0000.nii.gz", "b_0000.nii.gz", "a_0001.nii.gz");
    expect(summary(await find(["T1", "T2"]))).toEqual({
      cases: [
        ["a", "a_0000.nii.gz", "a_0001.nii.gz"],
        ["b", "b_0000.nii.gz", "b_0001.nii.gz"],
      ],
      leftOver: [],
    });
  });

  test("with numbers in the case's own name", async () => {
    put("liver_0007_0000.nii.gz", "liver_0008_0000.nii.gz");
    expect(summary(await find(["CT"])).cases.map(([name]) => name)).toEqual(["liver_0007", "liver_0008"]);
  });

  test("without the number where the model has one channel", async () => {
    put("patient.nii.gz", "scan_2024.nii.gz");
    expect(summary(await find(["CT"])).cases.map(([name]) => name)).toEqual(["patient", "scan_2024"]);
  });

  test("of the model's own ending, where there is one of it", async () => {
    put("a_0000.nii.gz", "b_0000.mha", "notes.txt", ".hidden_0000.nii.gz");
    expect(summary(await find(["CT"])).cases).toEqual([["a", "a_0000.nii.gz"]]);
  });

  test("of another known ending, where there is none of the model's", async () => {
    put("a_0000.mha", "notes.txt");
    expect(summary(await find(["CT"])).cases).toEqual([["a", "a_0000.mha"]]);
  });

  test("and what belongs to no case is told", async () => {
    put("a_0000.nii.gz", "a_0001.nii.gz", "a_0002.nii.gz", "stray.nii.gz");
    expect(summary(await find(["T1", "T2"])).leftOver).toEqual(["a_0002.nii.gz", "stray.nii.gz"]);
  });

  test("a case that lacks a channel stays, to be reported when it is read", async () => {
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

  test("nothing found says how files should be named", async () => {
    put("readme.txt");
    await expect(find(["T1", "T2"])).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      message: expect.stringContaining("<case>_0000.nii.gz, <case>_0001.nii.gz"),
    });
  });

  test("two files for one channel are refused", async () => {
    put("a_0000.nii.gz", "a.nii.gz");
    await expect(find(["CT"])).rejects.toMatchObject({ code: "INPUT_AMBIGUOUS" });
  });

  test("a file that is no image is refused when named", async () => {
    put("report.pdf");
    await expect(find(["CT"], [join(folder, "report.pdf")])).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
    });
  });
});

describe("an image's input folder", () => {
  const find = (channelNames: readonly string[], settings: Partial<typeof testSettings> = {}) =>
    findImageCases({ ...testSettings, inputDir: folder, ...settings }, channelNames);

  test("gives one case for each file with an allowed extension", async () => {
    put("amos_0034.nii.gz", "other.mha", "list.json", "anii.gzip", ".x.nii.gz");
    expect(summary(await find(["CT"]))).toEqual({
      cases: [["amos_0034", "amos_0034.nii.gz"]],
      leftOver: [],
    });
  });

  test("takes every allowed extension", async () => {
    put("a.nii.gz", "b.mha");
    const { cases } = summary(await find(["CT"], { allowedExtensions: ["mha", "nii.gz"] }));
    expect(cases.map(([name]) => name)).toEqual(["a", "b"]);
  });

  test("groups channels by number", async () => {
    put("a_0001.nii.gz", "a_0000.nii.gz", "stray.nii.gz");
    expect(summary(await find(["T1", "T2"]))).toEqual({
      cases: [["a", "a_0000.nii.gz", "a_0001.nii.gz"]],
      leftOver: ["stray.nii.gz"],
    });
  });

  test("groups channels by the endings that config.json names, in the network's order", async () => {
    put("p1_flair.nii.gz", "p1_t1.nii.gz", "p1_adc.nii.gz");
    const inputChannels = { T1: "_t1", FLAIR: "_flair" };
    expect(summary(await find(["T1", "FLAIR"], { inputChannels }))).toEqual({
      cases: [["p1", "p1_t1.nii.gz", "p1_flair.nii.gz"]],
      leftOver: ["p1_adc.nii.gz"],
    });
  });

  test("keeps a case that lacks a named channel, to be reported when it is read", async () => {
    put("p1_t1.nii.gz", "p2_t1.nii.gz", "p2_flair.nii.gz");
    const { cases } = summary(await find(["T1", "FLAIR"], { inputChannels: { T1: "_t1", FLAIR: "_flair" } }));
    expect(cases).toContainEqual(["p1", "p1_t1.nii.gz"]);
    expect(cases).toContainEqual(["p2", "p2_t1.nii.gz", "p2_flair.nii.gz"]);
  });

  test("with images of other names only is an error, not an empty success", async () => {
    put("scan.nii.gz");
    await expect(
      find(["T1", "FLAIR"], { inputChannels: { T1: "_t1", FLAIR: "_flair" } }),
    ).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      message: expect.stringContaining("<case>_t1, <case>_flair"),
    });
  });

  test("without suitable images lists the allowed extensions", async () => {
    put("scan.dcm");
    await expect(find(["CT"], { allowedExtensions: ["mha", "nii.gz"] })).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      message: expect.stringContaining("mha, nii.gz"),
    });
  });
});

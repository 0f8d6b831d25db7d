import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JsonObject } from "../../../src/checkpoint/parse-json.js";
import { datasetOf, type ListedCase } from "../../../src/nnunet/datasets/dataset-json.js";
import { type DatasetCase, listCases } from "../../../src/nnunet/datasets/list-cases.js";

// What is expected is what nnunetv2 2.8.1's get_filenames_of_train_images_and_targets returned.

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "list-cases-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const jsonMap = (value: object): JsonObject => new Map(Object.entries(value)) as JsonObject;

const dataset = (listedCases: readonly ListedCase[] | null = null) => ({
  ...datasetOf(
    jsonMap({
      channel_names: jsonMap({ 0: "CT" }),
      labels: jsonMap({ background: 0, a: 1 }),
      numTraining: 1,
      file_ending: ".nii.gz",
    }),
    folder,
    { acceptsModality: false },
  ).dataset!,
  listedCases,
});

/** Lists the cases of a folder that has files with these names. */
async function casesOf(...names: readonly string[]): Promise<Readonly<Record<string, readonly string[]>>> {
  mkdirSync(join(folder, "imagesTr"));
  for (const name of names) writeFileSync(join(folder, "imagesTr", name), "");
  const cases = await listCases(dataset(), {});
  const shown = ({ id, images }: DatasetCase) =>
    [id, images.map((path) => path.slice(join(folder, "imagesTr/").length))] as const;
  return Object.fromEntries(cases.map(shown));
}

test("an id is a name without its ending and five characters, and its channels are sorted", async () => {
  expect(await casesOf("b_0001.nii.gz", "b_0000.nii.gz", "a_1_0000.nii.gz", "notes.txt")).toEqual({
    a_1: ["a_1_0000.nii.gz"],
    b: ["b_0000.nii.gz", "b_0001.nii.gz"],
  });
});

test("a file with a wrong suffix makes an id of its own, without channels", async () => {
  expect(await casesOf("a_0000.nii.gz", "a_00001.nii.gz", "a-0000.nii.gz", "long_12.nii.gz")).toEqual({
    a: ["a_0000.nii.gz"],
    a_: [],
    lo: [],
  });
});

test("ids are sorted by code point, also where UTF-16 sorts otherwise", async () => {
  const names = ["\u{1f600}_0000.nii.gz", "\u{ff21}_0000.nii.gz", "b_0000.nii.gz", "B_0000.nii.gz"];
  expect(Object.keys(await casesOf(...names))).toEqual(["B", "b", "\u{ff21}", "\u{1f600}"]);
});

test("folders are not images", async () => {
  mkdirSync(join(folder, "imagesTr", "x_0000.nii.gz"), { recursive: true });
  expect(await listCases(dataset(), {})).toEqual([]);
});

const inBraces = (name: string): string => `$\{${name}}`;

test("listed cases keep their order, their paths begin in the data set's folder, and variables are replaced", async () => {
  const listed = [
    {
      id: "z",
      images: ["imagesTr/../z.nii.gz", "$DISK/z1.nii.gz"],
      label: `/labels/${inBraces("NAME")}$NAME.nii.gz`,
    },
    {
      id: "a",
      images: [`${inBraces("two words")}/a.nii.gz`, `$NONE/${inBraces("NONE")}/$.nii.gz`],
      label: "$NAME_/a.nii.gz",
    },
  ];
  const environment = { DISK: "/disk", NAME: "$DISK", "two words": "/both" };
  expect(await listCases(dataset(listed), environment)).toEqual([
    {
      id: "z",
      images: [join(folder, "z.nii.gz"), "/disk/z1.nii.gz"],
      label: "/labels/$DISK$DISK.nii.gz",
    },
    {
      id: "a",
      images: ["/both/a.nii.gz", join(folder, `$NONE/${inBraces("NONE")}/$.nii.gz`)],
      label: join(folder, "$NAME_/a.nii.gz"),
    },
  ]);
});

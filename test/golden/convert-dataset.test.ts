import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import {
  type Conversion,
  convertDecathlon,
  convertDecathlonToTask,
  convertTask,
  decathlonName,
} from "../../src/nnunet/conversion/convert-dataset.js";
import { generateDatasetJson } from "../../src/nnunet/datasets/generate-dataset-json.js";
import { pythonJson } from "../../src/nnunet/python-json.js";
import { goldenPath } from "../support/golden.js";

const tools = { progress: silentProgress, signal: new AbortController().signal };

function place(scenario: string, target: string): Conversion {
  const folder = goldenPath("tools", "conversion", scenario, "in");
  const source = join(folder, readdirSync(folder)[0]!);
  return { source, target: join(mkdtempSync(join(tmpdir(), "convert-")), target), tools };
}

const treeOf = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();

async function expectSame(own: string, expected: string): Promise<void> {
  const files = treeOf(expected);
  expect(treeOf(own)).toEqual(files);
  for (const file of files) {
    if (file.endsWith(".json")) {
      expect(readFileSync(join(own, file), "utf8")).toBe(readFileSync(join(expected, file), "utf8"));
      continue;
    }
    const [a, b] = [await readImage(join(own, file)), await readImage(join(expected, file))];
    expect(a.voxels).toEqual(b.voxels);
    expect(a.geometry.sizeZyx).toEqual(b.geometry.sizeZyx);
    const numbers = ({ geometry }: typeof a) => [
      ...geometry.spacingMmZyx,
      ...geometry.originMmXyz,
      ...geometry.directionXyz,
    ];
    for (const [i, value] of numbers(a).entries()) expect(value).toBeCloseTo(numbers(b)[i]!, 9);
  }
}

test.each([
  { scenario: "msd_4d", target: "Dataset005_Prostate", convert: convertDecathlon },
  { scenario: "msd_3d_overwrite_id", target: "Dataset209_Spleen", convert: convertDecathlon },
  { scenario: "old_task", target: "Dataset120_New", convert: convertTask },
  { scenario: "old_task_odd_target_name", target: "whatever", convert: convertTask },
])("$scenario becomes nnU-Net's $target", async ({ scenario, target, convert }) => {
  const conversion = place(scenario, target);
  await convert(conversion);
  await expectSame(conversion.target, goldenPath("tools", "conversion", scenario, "expected", target));
});

test("a Decathlon folder becomes a task of nnU-Net v1, and keeps its hidden files", async () => {
  const conversion = place("msd_4d", "Task005_Prostate");
  await convertDecathlonToTask(conversion);
  const { files } = JSON.parse(
    readFileSync(goldenPath("tools", "conversion", "msd_4d", "run_v1.json"), "utf8"),
  ) as {
    readonly files: Readonly<Record<string, unknown>>;
  };
  const names = Object.keys(files).map((name) => name.slice("Task005_Prostate/".length));
  expect(treeOf(conversion.target)).toEqual(names.toSorted());
  expect(readFileSync(join(conversion.target, "dataset.json"))).toEqual(
    readFileSync(join(conversion.source, "dataset.json")),
  );
  expect(readdirSync(join(conversion.source, "imagesTr"))).toContain("._x_000.nii.gz");
});

test.each([
  { scenario: "msd_no_imagesTs", convert: convertDecathlon, message: "has no folder imagesTs" },
  { scenario: "old_task_key_missing", convert: convertTask, message: "the key `numTest` is missing" },
])("$scenario is refused, and leaves nothing behind", async ({ scenario, convert, message }) => {
  const conversion = place(scenario, "Dataset001_X");
  await expect(convert(conversion)).rejects.toThrow(message);
  expect(existsSync(conversion.target)).toBe(false);
});

test("folders below those of a task are copied too, as by nnU-Net", async () => {
  const { source, target } = place("old_task", "Dataset120_New");
  const copy = join(mkdtempSync(join(tmpdir(), "task-")), "Task120_Old");
  cpSync(source, copy, { recursive: true });
  mkdirSync(join(copy, "imagesTr", "deep"));
  writeFileSync(join(copy, "imagesTr", "deep", "notes.txt"), "notes");
  await convertTask({ source: copy, target, tools });
  expect(readFileSync(join(target, "imagesTr", "deep", "notes.txt"), "utf8")).toBe("notes");
});

test("an existing data set is not replaced", async () => {
  const conversion = place("old_task", "Dataset120_New");
  cpSync(conversion.source, conversion.target, { recursive: true });
  await expect(convertTask(conversion)).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
});

test("the name of a Decathlon folder has exactly two parts", () => {
  expect(decathlonName("Task09_Spleen", 2)).toEqual({ number: 9, name: "Spleen" });
  expect(() => decathlonName("Task07_Two_Words", 2)).toThrow("without another _");
});

test("v1 takes every name after two digits", () => {
  expect(decathlonName("Task07_Two_Words", 1)).toEqual({ number: 7, name: "Two_Words" });
  expect(() => decathlonName("Task7_X", 1)).toThrow("two digits");
});

type Pairs = readonly (readonly [string | number, unknown])[];
const descriptions = JSON.parse(
  readFileSync(goldenPath("tools", "conversion", "generate_dataset_json.json"), "utf8"),
) as readonly {
  readonly arguments: Readonly<Record<string, unknown>> & {
    readonly channel_names: Pairs;
    readonly labels: Pairs;
  };
  readonly text: string | null;
}[];

test.each(descriptions)(
  "dataset.json is written as by generate_dataset_json (%#)",
  ({ arguments: given, text }) => {
    const words = (key: string) => (given[key] as string | undefined) ?? null;
    const write = () =>
      pythonJson(
        generateDatasetJson({
          channelNames: given.channel_names.map(([, name]) => String(name)),
          labels: given.labels.map(([name, value]) => [
            String(name),
            Array.isArray(value) ? (value as number[]) : Number(value),
          ]),
          caseCount: given["num_training_cases"] as number,
          fileEnding: given["file_ending"] as string,
          regionsClassOrder: (given["regions_class_order"] as number[] | undefined) ?? null,
          licence: words("license"),
          convertedBy: words("converted_by"),
          name: words("dataset_name"),
          reference: words("reference"),
          release: words("release"),
          hasCitation: given["citation"] !== undefined,
          description: words("description"),
          imageReader: words("overwrite_image_reader_writer"),
          further:
            given["anything_else"] === undefined ? [] : [["anything_else", given["anything_else"] as number]],
        }),
        { sortKeys: false },
      );
    if (text === null) expect(write).toThrow("regions_class_order");
    else expect(write()).toBe(text);
  },
);

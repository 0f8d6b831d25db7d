import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { settingTable } from "../../../processor/contract/run-settings.js";
import type { Setting } from "../../../processor/contract/setting.js";
import {
  flagNames,
  optionNames,
  predictDefaults,
  settingChoices,
  settingsOfConfig,
} from "../../../processor/contract/setting-choices.js";
import { supportedEndings } from "../../../processor/imaging/formats/image-ending.js";
import { folderHelp, imageFlags } from "../../../processor/runtime/entries/folder-arguments.js";
import { flagsOf, parseCommandLine } from "../../../src/cli/command-line.js";
import { configSchema } from "../../../src/config/schema/config-schema.js";
import { repositoryRoot } from "../../support/golden.js";

const helpOf = async (...command: readonly string[]): Promise<string> => {
  const parsed = await parseCommandLine([...command, "--help"], 1000);
  return parsed.kind === "text" ? parsed.text : "";
};
const page = (name: string): string => readFileSync(join(repositoryRoot, "docs", "reference", name), "utf8");

const rows: readonly (readonly [name: string, row: Setting<unknown>])[] = Object.entries(settingTable);
const asFlag = (flag: string): string => `--${flag}`;
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ");

describe("each row of the table of settings is wherever it can be given", () => {
  test.each(rows)("%s is a key of config.json with its default and description", (_, row) => {
    const rule = configSchema.properties[row.key];
    expect(String(rule?.["description"]).toLowerCase()).toContain(row.about.toLowerCase());
    if (row.default !== null) expect(rule?.["default"]).toEqual(row.default);
    expect(page("config.md")).toContain(`## \`${row.key}\``);
    expect(page("settings.md")).toContain(`| \`${row.key}\` |`);
  });

  const flags = rows.flatMap(([name, row]) => (row.flag === null ? [] : [[name, row.flag, row] as const]));

  test.each(flags)("%s is a flag of exactly the programs that its row names", (_, flag, row) => {
    const programs = { build: flagsOf("build"), predict: flagsOf("predict"), image: imageFlags };
    const found = Object.entries(programs).filter(([, known]) => known.has(asFlag(flag)));
    expect(found.map(([program]) => program)).toEqual([...row.on]);
    expect(flagsOf("verify").has(asFlag(flag))).toBe(row.on.includes("build"));
  });

  test.each(flags)("%s has the same sentence in the help of each program", async (_, flag, row) => {
    const helps = {
      build: await helpOf(),
      predict: await helpOf("predict"),
      image: oneLine(folderHelp),
    };
    for (const program of row.on) {
      expect(helps[program]).toContain(asFlag(flag));
      expect(helps[program]).toContain(row.about);
    }
    expect(page("cli.md")).toContain(asFlag(flag));
  });
});

describe("a setting that a caller chooses", () => {
  const base = predictDefaults();

  test("overrides the others, whether it comes as a text or as a value", () => {
    const fromFlags = settingChoices(
      { "step-size": "0.25", "disable-tta": true, "allowed-extensions": "mha, nii.gz" },
      "image",
      flagNames,
    );
    expect(fromFlags.applyTo(base)).toEqual({
      ...base,
      stepSize: 0.25,
      useTestTimeAugmentation: false,
      allowedExtensions: ["mha", "nii.gz"],
    });
    const fromOptions = settingChoices({ stepSize: 0.25, mode: "fast" }, "predict", optionNames);
    expect(fromOptions.applyTo(base)).toEqual({ ...base, stepSize: 0.25, exportMode: "fast" });
  });

  test.each([
    [{ "step-size": "0" }, "--step-size must be greater than 0 and at most 1, but is 0"],
    [{ "step-size": "" }, "--step-size must be greater than 0 and at most 1, but is "],
    [{ device: "tpu" }, "--device must be auto, cpu or cuda, but is tpu"],
    [{ "use-tta": true, "disable-tta": true }, "--use-tta and --disable-tta cannot be used together"],
  ])("%j is refused under the name of its flag", (given, says) => {
    expect(() => settingChoices(given, "image", flagNames)).toThrow(says);
  });

  test("is refused under the name of the option when a program calls the functions", () => {
    expect(() => settingChoices({ stepSize: 2 }, "predict", optionNames)).toThrow(
      "stepSize must be greater than 0 and at most 1, but is 2",
    );
  });

  test("is ignored where its row does not name the program", () => {
    expect(settingChoices({ mode: "fast" }, "build", flagNames).applyTo(base)).toEqual(base);
  });
});

test("older keys of config.json mean the setting unless its own key is there", () => {
  expect(settingsOfConfig({ use_tta: true }).useTestTimeAugmentation).toBe(true);
  expect(settingsOfConfig({ use_overlap: false }).stepSize).toBe(1);
  expect(settingsOfConfig({ use_overlap: false, step_size: 0.5 }).stepSize).toBe(0.5);
});

test("config.json allows the image formats that can be read", () => {
  const { items } = configSchema.properties["allowed_extensions"]!;
  expect(items).toEqual({
    type: "string",
    enum: expect.toSatisfy(
      (endings: readonly string[]) =>
        [...endings].sort().join() ===
        supportedEndings
          .map((ending) => ending.slice(1))
          .sort()
          .join(),
    ),
  });
});

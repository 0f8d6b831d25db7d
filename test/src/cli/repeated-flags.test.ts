import { expect, test } from "vitest";
import { predictDefaults } from "../../../processor/contract/setting-choices.js";
import { parseFolderArguments } from "../../../processor/runtime/entries/folder-arguments.js";
import { serveArguments } from "../../../processor/runtime/service/start/serve-arguments.js";
import type { CommandOption } from "../../../src/cli/command.js";
import { parseOwn } from "../../../src/cli/command-line.js";
import { commands } from "../../../src/cli/command-table.js";

/** Two values that an option takes. */
function twoValues(name: string, { choices, type }: CommandOption): readonly [string, string] {
  if (choices !== undefined) return [String(choices[0]), String(choices.at(-1))];
  if (name === "gpu-arch") return ["8.6", "9.0"];
  return type === "number" ? ["2", "3"] : ["first", "second"];
}

/** The words without a flag that a command cannot do without. */
const neededWords = (name: string): readonly string[] =>
  [...commands[name]!.usage.matchAll(/<(\w+)/g)].map(
    ([, word]) => commands[name]!.positional?.[word!]?.choices?.[0] ?? "word",
  ) as readonly string[];

/** What a command gets for an option that was given twice. */
function expected(name: string, option: CommandOption): readonly string[] | string {
  const [first, second] = twoValues(name, option);
  if (option.array === true) return [first, second];
  return option.hasCommas === true ? `${first},${second}` : second;
}

const named = Object.keys(commands)
  .filter((name) => name !== "batch")
  .map((name) => [name] as const);

test.each(named)(
  "%s takes both values of a list given twice, and the last one of others",
  async (command) => {
    const options = Object.entries<CommandOption>(commands[command]!.options).filter(
      ([, { type }]) => type !== "boolean",
    );
    const flags = options.flatMap(([name, option]) => {
      const [first, second] = twoValues(name, option);
      const short = [option.alias ?? []].flat()[0] ?? name;
      return [`--${name}`, first, short.length === 1 ? `-${short}` : `--${short}`, second];
    });
    const found = await parseOwn(
      [...(command === "build" ? [] : [command]), ...neededWords(command), ...flags],
      100,
    );
    if (found.kind === "text") throw new Error(found.text);
    const got = options.map(([name]) => {
      const value = found.args[name];
      return [name, Array.isArray(value) ? value.map(String) : String(value)];
    });
    expect(got).toEqual(options.map(([name, option]) => [name, expected(name, option)]));
  },
);

test("a list may be given in both forms", async () => {
  const found = await parseOwn(
    ["predict", "--model-dir", "a", "-i", "b", "-o", "c", "-f", "0", "1", "--folds=2"],
    100,
  );
  expect(found).toMatchObject({ args: { folds: ["0", "1", "2"], "model-dir": ["a"] } });
});

test("the program in an image takes both values of a list given twice", () => {
  const { folds, settings } = parseFolderArguments(
    ["--folds", "0,1", "--folds", "2", "--allowed-extensions", "mha", "--allowed-extensions=nii.gz,nrrd"],
    {},
  );
  expect(folds).toEqual(["0", "1", "2"]);
  expect(settings.applyTo(predictDefaults()).allowedExtensions).toEqual(["mha", "nii.gz", "nrrd"]);
});

test("the service takes both values of a list given twice", () => {
  const settings = serveArguments(
    ["--data-root", "/a", "--data-root", "/b", "--gpus=0", "--gpus", "1,2"],
    {},
  );
  expect(settings).toMatchObject({ dataRoots: ["/a", "/b"], gpus: [0, 1, 2] });
});

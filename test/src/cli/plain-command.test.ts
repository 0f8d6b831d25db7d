import { expect, test } from "vitest";
import { parseOwn } from "../../../src/cli/command-line.js";
import { nnunetCommands } from "../../../src/cli/nnunet-commands.js";
import { plainArguments } from "../../../src/cli/plain-command.js";

test.each([
  ["plan", "4"],
  ["plan", "explain", "4", "Dataset005_Prostate"],
  ["plan", "./raw/Dataset004_Liver", "/data/raw", "~/x y"],
  ["plan", "predict"],
  ["fingerprint", "004", "1e3", "0x10"],
  ["preprocess", "4"],
  ["dataset", "verify", "4", "7"],
  ["dataset", "show", "."],
])("a line without flags means the same without yargs: %s %s", async (name, ...words) => {
  const plain = plainArguments(nnunetCommands[name]!, words);
  const { args } = (await parseOwn([name, ...words], 100)) as { args: Record<string, unknown> };
  const { options, positional } = nnunetCommands[name]!;
  const keys = [...Object.keys(options), ...Object.keys(positional!)];
  expect(plain).not.toBeNull();
  expect(keys.map((key) => [key, plain![key]])).toEqual(keys.map((key) => [key, args[key]]));
});

test.each([
  ["plan"],
  ["plan", "4", "--json"],
  ["plan", "4", "-d", "5"],
  ["plan", ""],
  ["dataset", "verify"],
  ["dataset", "verfy", "4"],
  ["dataset", "--help"],
])("any other line is left to yargs: %s %s %s", (name, ...words) => {
  expect(plainArguments(nnunetCommands[name]!, words)).toBeNull();
});

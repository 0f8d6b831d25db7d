import { expect, test } from "vitest";
import { isBelowBatch } from "../../../src/cli/batch-commands.js";
import { commandGroups, commandList } from "../../../src/cli/command-list.js";
import { commands } from "../../../src/cli/command-table.js";

test("the help of the program lists every command once", () => {
  const own = Object.keys(commands).filter((name) => name !== "build" && !isBelowBatch(name));
  const listed = Object.values(commandGroups).flat();
  expect([...listed].sort()).toEqual([...own, "predict-nnunet-serve", "help", "completion"].sort());
});

test("no line of the list is wider than the terminal, and further lines begin below the first", () => {
  const lines = commandList(() => "do one thing after another until all is done", 48).split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(48);
  const row = lines.indexOf("  predict               do one thing after");
  expect(lines[row + 1]).toBe("                        another until all is");
});

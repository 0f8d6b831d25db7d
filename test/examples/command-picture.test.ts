import { expect, test } from "vitest";
import { commandPicture, paths } from "../../examples/pictures/command-picture.js";
import { commands } from "../../src/cli/command-table.js";

test("the picture of the commands shows every command, in the row of the people who use it", () => {
  const shown = new Set(paths.flatMap(({ commandNames }) => commandNames));
  // `batch` alone only lists the commands below it.
  const wanted = Object.keys(commands).filter((name) => name !== "batch");
  expect([...shown].sort()).toEqual(wanted.sort());
  for (const { who } of paths) expect(commandPicture()).toContain(who);
});

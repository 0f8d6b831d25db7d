import { expect, test } from "vitest";
import { commandPicture, paths } from "../../examples/pictures/command-picture.js";
import { commands } from "../../src/cli/command-line.js";

test("the picture of commands shows each command, for somebody", () => {
  const shown = new Set(paths.flatMap(({ commandNames }) => commandNames));
  expect([...shown].sort()).toEqual(Object.keys(commands).sort());
  for (const { who } of paths) expect(commandPicture()).toContain(who);
});

import { describe, expect, test } from "vitest";
import { main } from "../../../../src/cli/main.js";
import { testTerminal } from "../../../support/programs/test-terminal.js";

describe("models lists every pretrained model", () => {
  test("in at most 80 columns on a terminal", async () => {
    const terminal = { ...testTerminal("/"), columns: 80, hasColour: true };
    expect(await main(["models", "list"], terminal)).toBe(0);
    expect(terminal.printed.out).toContain("Task004_Hippocampus\n    v1  ");
    expect(terminal.printed.out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("one per line when written to a file", async () => {
    const terminal = testTerminal("/");
    expect(await main(["models", "list"], terminal)).toBe(0);
    expect(terminal.printed.out).toMatch(/^Task004_Hippocampus +v1 .+\(.+\)$/m);
  });
});

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../src/cli/main.js";
import { goldenPath } from "../support/golden.js";
import { type TestTerminal, testTerminal } from "../support/programs/test-terminal.js";

interface Run {
  readonly argv: readonly string[];
  readonly source: { readonly plans_name: string } | null;
  readonly error: { readonly type: string } | null;
  readonly result?: object;
}

const runs = JSON.parse(
  readFileSync(goldenPath("tools", "misc", "move_plans.json"), "utf8"),
) as readonly Run[];

let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plans-"));
  const environment = {
    nnUNet_raw: join(folder, "raw"),
    nnUNet_preprocessed: join(folder, "pre"),
    nnUNet_results: join(folder, "res"),
  };
  terminal = { ...testTerminal(folder), environment };
  mkdirSync(join(folder, "pre", "Dataset011_Source"), { recursive: true });
  mkdirSync(join(folder, "pre", "Dataset012_Target"), { recursive: true });
  mkdirSync(join(folder, "raw", "Dataset011_Source"), { recursive: true });
  // Pictures, because nnU-Net's own target had some: the reader follows the target.
  cpSync(goldenPath("tools", "datasets", "Dataset301_Photos"), join(folder, "raw", "Dataset012_Target"), {
    recursive: true,
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

const wordAfter = (argv: readonly string[], flag: string): string | undefined => {
  const at = argv.indexOf(flag);
  return at < 0 ? undefined : argv[at + 1];
};

test.each(runs)("moves or refuses plans as nnU-Net does: $argv", async ({ argv, source, error, result }) => {
  if (source !== null)
    writeFileSync(
      join(folder, "pre", "Dataset011_Source", `${source.plans_name}.json`),
      JSON.stringify(source),
    );
  const name = wordAfter(argv, "-tp") ?? wordAfter(argv, "-sp")!;
  const words = ["move-plans", "11", "Dataset012_Target", ...argv.slice(4)];
  const exitCode = await main(words, terminal);
  if (error !== null) {
    expect(exitCode).toBe(4);
    expect(terminal.printed.err).toContain("NOT_PREPROCESSED");
    return;
  }
  expect(exitCode, terminal.printed.err).toBe(0);
  const file = join(folder, "pre", "Dataset012_Target", `${name}.json`);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(result);
  expect(await main(words, terminal)).toBe(2);
  expect(terminal.printed.err).toContain("OUTPUT_EXISTS");
});

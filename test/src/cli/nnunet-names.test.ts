import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { commands } from "../../../src/cli/command-table.js";
import { main } from "../../../src/cli/main.js";
import { namesOfV1, namesOfV2 } from "../../../src/cli/nnunet-names.js";
import { goldenPath } from "../../support/golden.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

/** Every command that a version of nnU-Net installs. */
const installed = (version: 1 | 2): readonly string[] =>
  Object.keys(
    JSON.parse(readFileSync(goldenPath("tools", "misc", `commands_v${version}.json`), "utf8")) as object,
  );

test.each([
  { version: 2 as const, names: namesOfV2 },
  { version: 1 as const, names: namesOfV1 },
])("knows every command of nnU-Net v$version", ({ version, names }) => {
  expect(names.map(({ name }) => name).toSorted()).toEqual(installed(version).toSorted());
});

test("names commands that exist", () => {
  const words = [...namesOfV2, ...namesOfV1].flatMap(({ here }) => here?.split(", ") ?? []);
  expect(words.map((word) => word.split(" ")[0]!).filter((word) => !Object.hasOwn(commands, word))).toEqual(
    [],
  );
});

test("says what a misspelled command of nnU-Net may be, also with --help", async () => {
  for (const words of [
    ["nnUNetv2_trian", "4"],
    ["nnUNetv2_trian", "--help"],
    ["help", "nnUNetv2_trian"],
  ]) {
    const terminal = testTerminal(tmpdir());
    expect(await main(words, terminal)).toBe(2);
    expect(terminal.printed.err).toContain(
      "nnU-Net has no command nnUNetv2_trian; did you mean nnUNetv2_train?",
    );
  }
});

test("answers a command of nnU-Net with its counterpart", async () => {
  const help = testTerminal(tmpdir());
  expect(await main(["nnUNetv2_plan_and_preprocess", "--help"], help)).toBe(0);
  expect(help.printed.out).toContain("`build_processor fingerprint`, then `build_processor plan`");
  const run = testTerminal(tmpdir());
  expect(await main(["nnUNetv2_evaluate_folder", "gt", "pred"], run)).toBe(2);
  expect(run.printed.err).toContain("is `build_processor evaluate` here");
});

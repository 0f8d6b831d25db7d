import { describe, expect, test } from "vitest";
import { type ErrorCode, errorCatalogue } from "../../processor/contract/errors.js";
import { flagsIn, helpFor } from "../../processor/contract/help-for.js";
import { imageFlags } from "../../processor/runtime/entries/folder-arguments.js";
import { commands, flagsOf } from "../../src/cli/command-line.js";

const codes = Object.keys(errorCatalogue) as readonly ErrorCode[];

describe("a remedy names only flags that its program has:", () => {
  test.each(Object.keys(commands))("%s", (name) => {
    const flags = flagsOf(name);
    for (const code of codes) {
      const help = helpFor(code, { program: "build_processor", flags });
      expect(help, `${code} says nothing without a flag`).not.toBe("");
      expect(
        flagsIn(help).filter((flag) => !flags.has(flag)),
        code,
      ).toEqual([]);
    }
  });

  test("the program in an image", () => {
    for (const code of codes) {
      const help = helpFor(code, { program: "image", flags: imageFlags });
      expect(
        flagsIn(help).filter((flag) => !imageFlags.has(flag)),
        code,
      ).toEqual([]);
    }
  });

  test("and every flag of the catalogue exists", () => {
    const known = new Set([...Object.keys(commands).flatMap((name) => [...flagsOf(name)]), ...imageFlags]);
    const named = Object.values(errorCatalogue).flatMap((entry) =>
      flagsIn(`${entry.help} ${"imageHelp" in entry ? entry.imageHelp : ""}`),
    );
    expect(named.filter((flag) => !known.has(flag))).toEqual([]);
  });
});

test.each([
  ["predict", "Move it or choose another place. --overwrite replaces it. --continue keeps finished"],
  ["convert", "Move it or choose another place. --overwrite replaces it."],
])("what is there already: %s", (name, start) => {
  const help = helpFor("OUTPUT_EXISTS", { program: "build_processor", flags: flagsOf(name) });
  expect(help.startsWith(start)).toBe(true);
  expect(help.includes("--continue")).toBe(name === "predict");
});

test("flags are told from those of another program's command line", () => {
  expect(flagsIn("Pass --tag or `-i`; `docker save -o FILE` and well-known --no-attest.")).toEqual([
    "--tag",
    "-i",
    "--no-attest",
  ]);
});

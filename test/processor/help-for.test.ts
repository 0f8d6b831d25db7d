import { describe, expect, test } from "vitest";
import { flagsIn, helpFor } from "../../processor/contract/help-for.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { imageError } from "../../processor/imaging/errors.js";
import { imageFlags } from "../../processor/runtime/entries/folder-arguments.js";
import { runtimeError } from "../../processor/runtime/errors.js";
import { flagsOf } from "../../src/cli/command-line.js";
import { commands } from "../../src/cli/command-table.js";
import { builderCatalogue } from "../../src/ground/errors/catalogue.js";

describe("a remedy names only flags that its program has:", () => {
  test.each(Object.keys(commands))("%s", (name) => {
    const flags = flagsOf(name);
    for (const [code, entry] of builderCatalogue) {
      const help = helpFor(entry.help, flags);
      expect(help, `${code} says nothing without a flag`).not.toBe("");
      expect(
        flagsIn(help).filter((flag) => !flags.has(flag)),
        code,
      ).toEqual([]);
    }
  });

  test.each(Object.entries({ ...sharedError.entries, ...imageError.entries, ...runtimeError.entries }))(
    "the program in an image: %s",
    (_code, { help }) => {
      expect(flagsIn(help).filter((flag) => !imageFlags.has(flag))).toEqual([]);
      expect(help).not.toMatch(/`build_processor(?! convert)/);
    },
  );

  test("every flag in the catalogue exists", () => {
    const known = new Set([...Object.keys(commands).flatMap((name) => [...flagsOf(name)]), ...imageFlags]);
    const named = builderCatalogue.flatMap(([, entry]) => flagsIn(entry.help));
    expect(named.filter((flag) => !known.has(flag))).toEqual([]);
  });
});

test.each([
  ["predict", "Move it or choose another path. --overwrite replaces it. --continue keeps finished"],
  ["convert", "Move it or choose another path. --overwrite replaces it."],
])("what is there already: %s", (name, start) => {
  const [, entry] = builderCatalogue.find(([code]) => code === "OUTPUT_EXISTS")!;
  const help = helpFor(entry.help, flagsOf(name));
  expect(help.startsWith(start)).toBe(true);
  expect(help.includes("--continue")).toBe(name === "predict");
});

test("this program's flags are distinguished from those in another program's command line", () => {
  expect(flagsIn("Pass --tag or `-i`; `docker save -o FILE` and well-known --no-attest.")).toEqual([
    "--tag",
    "-i",
    "--no-attest",
  ]);
});

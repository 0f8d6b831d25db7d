import { cpSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const dataset = "Dataset303_AnisoMR";

let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unreadable-"));
  const source = goldenPath("tools", "datasets", dataset);
  for (const part of ["dataset.json", "imagesTr", "labelsTr"])
    cpSync(join(source, part), join(folder, "raw", dataset, part), { recursive: true });
  for (const [from, to] of [
    ["expected_fingerprint.json", "dataset_fingerprint.json"],
    ["expected_nnUNetPlans.json", "nnUNetPlans.json"],
  ] as const)
    cpSync(join(source, from), join(folder, "pre", dataset, to));
  terminal = {
    ...testTerminal(folder),
    environment: { nnUNet_raw: join(folder, "raw"), nnUNet_preprocessed: join(folder, "pre") },
  };
});
afterEach(() => rmSync(folder, { recursive: true }));

const commands = [
  ["fingerprint", "303", "--clean"],
  ["plan", "303"],
  ["plan", "explain", "303"],
  ["preprocess", "303", "-c", "2d"],
  ["dataset", "show", "303"],
  ["plot-overlays", "303", "-o", "pictures"],
];

/** A link to itself cannot be read by anybody, not even by root. */
const faults: Readonly<Record<string, (path: string) => void>> = {
  missing: () => {},
  unreadable: (path) => symlinkSync(path, path),
};

describe.each(Object.keys(faults))("with the folder of images %s", (kind) => {
  const hideImages = (): void => {
    const images = join(folder, "raw", dataset, "imagesTr");
    renameSync(images, join(folder, "elsewhere"));
    faults[kind]!(images);
  };

  test.each(commands)("%s %s ends with a code that names it", async (...command) => {
    hideImages();
    expect(await main(command, terminal)).toBe(4);
    expect(terminal.printed.err).toMatch(
      /error DATASET_INVALID: .*imagesTr(?: does not exist|: it can't be read)/,
    );
  });

  test("dataset verify lists it among the faults", async () => {
    hideImages();
    expect(await main(["dataset", "verify", "303"], terminal)).toBe(4);
    expect(terminal.printed.err).toContain("DATASET_FAULTY");
    expect(terminal.printed.out).toMatch(/imagesTr (?:is not a folder|cannot be read \(ELOOP\))/);
  });
});

test("move-plans says what is to be done first for a data set without a fingerprint", async () => {
  cpSync(join(folder, "raw", dataset), join(folder, "raw", "Dataset304_Other"), { recursive: true });
  expect(await main(["move-plans", "303", "304", "-p", "nnUNetPlans"], terminal)).toBe(4);
  expect(terminal.printed.err).toContain("error FINGERPRINT_MISSING");
});

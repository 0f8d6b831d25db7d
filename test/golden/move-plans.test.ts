import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeLabelMap } from "../../processor/imaging/formats/write-image.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
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

/** What nnU-Net chose: it lets every reader try the file, and the one for pictures opens more than pictures. */
test.each([
  { ending: ".nii", sizeZyx: [9, 5, 6], reader: "SimpleITKIO" },
  { ending: ".nii", sizeZyx: [9, 9, 4], reader: "NaturalImage2DIO" },
  { ending: ".nii", sizeZyx: [1, 7, 7], reader: "NaturalImage2DIO" },
  { ending: ".nii.gz", sizeZyx: [9, 5, 4], reader: "SimpleITKIO" },
  { ending: ".nii.gz", sizeZyx: [1, 7, 7], reader: "SimpleITKIO" },
  { ending: ".mha", sizeZyx: [3, 6, 5], reader: "NaturalImage2DIO" },
  { ending: ".mha", sizeZyx: [6, 3, 5], reader: "SimpleITKIO" },
])("names $reader for $sizeZyx voxels in a $ending file, and the plans by their file", async (target) => {
  const { ending, reader } = target;
  const [slices = 1, rows = 1, columns = 1] = target.sizeZyx;
  const sizeZyx = [slices, rows, columns] as const;
  const raw = join(folder, "raw", "Dataset012_Target");
  rmSync(raw, { recursive: true });
  mkdirSync(join(raw, "imagesTr"), { recursive: true });
  const dataset = { channel_names: { 0: "CT" }, labels: { background: 0 }, file_ending: ending };
  writeFileSync(join(raw, "dataset.json"), JSON.stringify({ ...dataset, numTraining: 1 }));
  const geometry = {
    sizeZyx,
    spacingMmZyx: [1, 1, 1],
    originMmXyz: [0, 0, 0],
    directionXyz: identityDirection,
    dimensions: slices === 1 ? 2 : 3,
  } as const;
  const voxels = new Uint8Array(slices * rows * columns);
  const file = join(raw, "imagesTr", `a_0000${ending}`);
  await writeLabelMap({ voxels, geometry }, file, { format: "nifti", path: file, nifti: null });
  const plans = { plans_name: "other", configurations: {} };
  writeFileSync(join(folder, "pre", "Dataset011_Source", "mine.json"), JSON.stringify(plans));
  expect(await main(["move-plans", "11", "12", "-sp", "mine"], terminal), terminal.printed.err).toBe(0);
  const moved = readFileSync(join(folder, "pre", "Dataset012_Target", "mine.json"), "utf8");
  expect(JSON.parse(moved)).toMatchObject({ image_reader_writer: reader, plans_name: "mine" });
});

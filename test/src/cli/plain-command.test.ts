import { expect, test } from "vitest";
import { parseOwn } from "../../../src/cli/command-line.js";
import { nnunetCommands } from "../../../src/cli/nnunet-commands.js";
import { plainArguments } from "../../../src/cli/plain-command.js";

test.each([
  "plan 4",
  "plan explain 4 Dataset005_Prostate",
  "plan ./raw/Dataset004_Liver /data/raw ~/x_y",
  "plan predict",
  "plan",
  "fingerprint 004 1e3 0x10",
  "preprocess 4",
  "dataset verify 4 7",
  "dataset verify",
  "dataset show .",
  "plan 4 --json",
  "plan --no-json 4 --dry-run 5",
  "plan -d 4 007",
  "plan 4 --gpu-memory 24.5 --target-spacing 3 1 0.5 --planner nnUNetPlannerResEncL",
  "preprocess 4 -c 2d 3d_fullres --splits --format npz",
  "preprocess -c 2d -d 4 -c 3d_lowres",
  "fingerprint 4 --workers 2 7 --samples all",
  "dataset convert cells --from pictures --id 75 --spacing 1 0.126 0.126 --relabel rest=1",
  "dataset json 4 --channel 0 --label background=0 tumour=1,2 --regions-class-order 1 2",
])("a line without mistakes means the same without yargs: %s", async (line) => {
  const [name = "", ...words] = line.split(" ");
  const { options, positional } = nnunetCommands[name]!;
  const keys = [...Object.keys(options), ...Object.keys(positional!)];
  const plain = plainArguments(nnunetCommands[name]!, words);
  const { args } = (await parseOwn([name, ...words], 100)) as { args: Record<string, unknown> };
  expect(plain).not.toBeNull();
  expect(keys.map((key) => [key, plain![key]])).toEqual(keys.map((key) => [key, args[key]]));
});

test.each([
  "plan 4 --jsn",
  "plan 4 --json=maybe",
  "plan 4 -np 3",
  "plan 4 -x 3",
  "plan 4 --help",
  "plan 4 --version",
  "plan 4 -- 5",
  "plan 4 --gpu-memory -3",
  "plan 4 --plans",
  "plan 4 --plans a --plans b",
  "plan 4 --gpu-memory much",
  "plan 4 --planner nnUNetPlanner",
  "preprocess 4 --workers 0",
  "dataset",
  "dataset verfy 4",
  "dataset --help",
])("any other line is left to yargs: %s", (line) => {
  const [name = "", ...words] = line.split(" ");
  expect(plainArguments(nnunetCommands[name]!, words)).toBeNull();
});

test("an empty word is left to yargs", () => {
  expect(plainArguments(nnunetCommands["plan"]!, [""])).toBeNull();
});

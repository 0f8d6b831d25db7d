import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { parseOwn } from "../../../src/cli/command-line.js";
import { commands } from "../../../src/cli/command-table.js";
import { main } from "../../../src/cli/main.js";
import { flagLines } from "../../../src/cli/nnunet-flags/flags-text.js";
import { nnunetFlags, translateCommand } from "../../../src/cli/nnunet-flags/translate-command.js";
import { namesOfV1, namesOfV2 } from "../../../src/cli/nnunet-names.js";
import { goldenPath } from "../../support/golden.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

/** An option as nnU-Net's own argument parser has it. */
interface ParserFlag {
  readonly names: readonly string[];
  readonly positional: boolean;
  readonly nargs: 0 | "+" | null;
  readonly type: string | null;
  readonly default: unknown;
}

type Installed = Readonly<Record<string, { readonly flags: readonly ParserFlag[] }>>;

const installed = [1, 2].flatMap((version) =>
  Object.entries(
    JSON.parse(readFileSync(goldenPath("tools", "misc", `commands_v${version}.json`), "utf8")) as Installed,
  ).map(([name, { flags }]) => ({ name, flags })),
);
const hereOf = (name: string): string => [...namesOfV2, ...namesOfV1].find((row) => row.name === name)!.here!;

/** A value that nnU-Net would take. */
function sampleOf({ names, type, default: usual }: ParserFlag): readonly string[] {
  if (Array.isArray(usual) && usual.length > 0) return usual.map(String);
  if (usual !== null && typeof usual !== "object" && usual !== "None") return [String(usual)];
  const numbers = ["-overwrite_target_spacing", "-np", "-tf", "-gpus", "-p"];
  return [type === "int" || type === "float" || names.some((name) => numbers.includes(name)) ? "1" : "4"];
}

/** A command line of nnU-Net with every option. */
const everyOption = (flags: readonly ParserFlag[]): readonly string[] => [
  ...flags.filter(({ positional }) => positional).flatMap(sampleOf),
  ...flags
    .filter(({ positional }) => !positional)
    .flatMap((flag) => [flag.names.at(-1)!, ...(flag.nargs === 0 ? [] : sampleOf(flag))]),
];

describe.each(installed)("$name", ({ name, flags }) => {
  test("every option has a counterpart or a reason, and takes as many values", () => {
    const takes = ({ nargs }: ParserFlag): string =>
      nargs === 0 ? "no value" : nargs === "+" ? "several values" : "one value";
    const theirs = flags.map((flag) => `${flag.names.join("/")} ${takes(flag)}`);
    expect(nnunetFlags[name]!.map((flag) => `${flag.names.join("/")} ${flag.takes}`).toSorted()).toEqual(
      theirs.toSorted(),
    );
    for (const { here, reason, skips, leavesOut } of nnunetFlags[name]!)
      expect(here !== null || (reason ?? skips ?? leavesOut) !== undefined).toBe(true);
    expect(flagLines(name)).toHaveLength(flags.length);
  });

  test("every counterpart is an option of the command here", () => {
    const options = hereOf(name)
      .split(", ")
      .flatMap((here) => Object.keys(commands[here.split(" ")[0]!]!.options));
    for (const { here } of nnunetFlags[name]!)
      if (typeof here === "string")
        expect(options.includes(here) || options.includes(here.replace(/^no-/, "")), here).toBe(true);
  });

  test("the command line with every option is one that the command here takes", async () => {
    const words = everyOption(flags);
    const { lines, notes } = translateCommand(name, hereOf(name), words);
    expect(lines.length).toBeGreaterThan(0);
    expect(notes).toHaveLength(nnunetFlags[name]!.filter(({ reason }) => reason !== undefined).length);
    for (const line of lines)
      expect(await parseOwn(line.split(" "), 100), line).toMatchObject({ kind: "arguments" });
  });
});

test.each([
  {
    theirs: "nnUNetv2_find_best_configuration 4 -c 2d 3d_fullres -np 3 --disable_ensembling",
    ours: ["find-best 4 --configurations 2d 3d_fullres --no-ensembles"],
  },
  {
    theirs: "nnUNetv2_plan_and_preprocess -d 4 7 -pl nnUNetPlannerResEncL -npfp 3 -np 4 2 -c 2d",
    ours: [
      "fingerprint 4 7 --workers 3",
      "plan 4 7 --planner nnUNetPlannerResEncL",
      "preprocess 4 7 --workers 4 --configuration 2d --plans nnUNetResEncUNetLPlans",
    ],
  },
  { theirs: "nnUNetv2_plan_and_preprocess -d 4 --no_pp", ours: ["fingerprint 4", "plan 4"] },
  {
    theirs: "nnUNet_plan_and_preprocess -t 4",
    ours: ["plan 4 --nnunet v1", "preprocess 4 --nnunet v1"],
  },
  {
    theirs: "nnUNetv2_predict -i a -o b -d 4 -c 2d -tr T -f 0 1",
    ours: [
      'predict --model-dir "$nnUNet_results"/Dataset004_*/T__nnUNetPlans__2d --input a --output b --folds 0 1',
    ],
  },
  {
    theirs: "nnUNetv2_evaluate_simple gt pred -l 1 -3 -il=5",
    ours: ["evaluate gt pred --labels 1 -3 --ignore-label 5"],
  },
  {
    theirs: "nnUNet_find_best_configuration -t 4 5 -m 2d",
    ours: ["find-best 4 5 --configurations 2d --nnunet v1"],
  },
  {
    theirs: "nnUNet_determine_postprocessing -m 3d_cascade_fullres -t 4 -val x",
    ours: [
      'postprocess determine --input "$RESULTS_FOLDER"/nnUNet/3d_cascade_fullres/Task004_*/nnUNetTrainerV2CascadeFullRes__nnUNetPlansv2.1 --validation-folder x --nnunet v1',
    ],
  },
  {
    theirs: "nnUNetv2_plot_overlay_pngs -d 4 -o png -c 2d",
    ours: ["plot-overlays 4 --output png --configuration 2d --preprocessed"],
  },
  {
    theirs: "nnUNetv2_plot_overlay_pngs -d 4 -o png --use_raw",
    ours: ["plot-overlays 4 --output png"],
  },
  {
    theirs: "nnUNet_train 3d_fullres nnUNetTrainerV2 Task004_X 0 --npz",
    ours: ["train Task004_X 3d_fullres --trainer nnUNetTrainerV2 --folds 0 --save-probabilities --nnunet v1"],
  },
])("$theirs", async ({ theirs, ours }) => {
  const [name = "", ...words] = theirs.split(" ");
  expect(translateCommand(name, hereOf(name), words).lines).toEqual(ours);
  const terminal = testTerminal(tmpdir());
  expect(await main([name, ...words], terminal)).toBe(2);
  for (const line of ours) expect(terminal.printed.err).toContain(`build_processor ${line}`);
});

test("says which option nnU-Net's command does not have", () => {
  const { notes } = translateCommand("nnUNetv2_ensemble", "ensemble", ["-i", "a", "b", "--fast"]);
  expect(notes).toEqual(["--fast: nnU-Net's command has no such option"]);
});

import { shellWord } from "../../ground/shell-word.js";
import { planners } from "../../nnunet/planning/planners.js";
import type { Command } from "../command.js";
import { commands } from "../command-table.js";
import type { FlagMeaning, ModelPart } from "./flag-meaning.js";
import { flagsOfV1 } from "./flags-of-v1.js";
import { flagsOfV2 } from "./flags-of-v2.js";

/** The options of every command of nnU-Net. */
export const nnunetFlags: Readonly<Record<string, readonly FlagMeaning[]>> = { ...flagsOfV2, ...flagsOfV1 };

/** What a command line of nnU-Net is here. */
export interface Translation {
  /** Without the program's name: `evaluate gt pred --chill`. */
  readonly lines: readonly string[];
  /** What has no counterpart. */
  readonly notes: readonly string[];
}

interface UsedFlag {
  readonly flag: FlagMeaning;
  readonly values: readonly string[];
}

/** Options that the command here needs in every case. */
const always: Readonly<Record<string, readonly string[]>> = {
  nnUNet_train_DDP: ["--gpus-per-fold", "2", "--parallel", "ddp"],
};

/** Commands of v1 whose counterpart works on a data set of v2. */
const onV2: readonly string[] = ["nnUNet_plot_task_pngs"];

/**
 * Translates a command line of nnU-Net.
 *
 * @param name the command: `nnUNetv2_predict`
 * @param here the command line here, or several, with commas between them: `fingerprint, plan, preprocess`
 */
export function translateCommand(name: string, here: string, words: readonly string[]): Translation {
  const { used, notes } = usedFlags(nnunetFlags[name] ?? [], words);
  const skipped = used.map(({ flag }) => flag.skips);
  const lines = here
    .split(", ")
    .filter((command) => !skipped.includes(command))
    .map((command) => lineOf(name, command, used));
  return { lines, notes };
}

function usedFlags(
  known: readonly FlagMeaning[],
  words: readonly string[],
): { readonly used: readonly UsedFlag[]; readonly notes: readonly string[] } {
  const positional = known.filter(({ names }) => !names[0]!.startsWith("-"));
  const used: UsedFlag[] = [];
  const notes: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const [name = "", ...rest] = isFlag(word) ? word.split("=") : [];
    const flag = isFlag(word) ? known.find(({ names }) => names.includes(name)) : positional.shift();
    if (flag === undefined) {
      notes.push(`${word}: nnU-Net's command has no such option`);
      continue;
    }
    const values = isFlag(word) ? (rest.length > 0 ? [rest.join("=")] : []) : [word];
    const most = flag.takes === "no value" ? 0 : flag.takes === "one value" ? 1 : words.length;
    while (values.length < most && i + 1 < words.length && isFlag(word) && !isFlag(words[i + 1]!))
      values.push(words[++i]!);
    if (flag.reason !== undefined) notes.push(`${name}: ${flag.reason}`);
    used.push({ flag, values });
  }
  return { used, notes };
}

/** A negative number is a value. */
const isFlag = (word: string): boolean => /^-(?![\d.])./.test(word);

function lineOf(name: string, here: string, used: readonly UsedFlag[]): string {
  const [command = ""] = here.split(" ");
  const { options } = commands[command]!;
  const has = (option: string): boolean => Object.hasOwn(options, option.replace(/^no-/, ""));
  const positions: string[][] = [];
  const words: string[] = [];
  for (const { flag, values } of used) {
    if (flag.only !== undefined && flag.only !== command) continue;
    if (typeof flag.here === "number") positions[flag.here] = values.map(shellWord);
    if (typeof flag.here !== "string" || !(has(flag.here) || Object.hasOwn(options, flag.here))) continue;
    const given = flag.value === undefined ? values : [flag.value];
    words.push(
      `--${flag.here}`,
      ...(options[flag.here]?.array === true ? given : given.slice(0, 1)).map(shellWord),
    );
  }
  const isV1 = !name.startsWith("nnUNetv2_") && !onV2.includes(name);
  return [
    here,
    ...positions.flat(),
    ...modelFolder(name, options, used),
    ...words,
    ...plansOf(command, used),
    ...neededOptions(name, used),
    ...(isV1 && has("nnunet") ? ["--nnunet v1"] : []),
  ].join(" ");
}

/** Returns the options that the command here needs where those of nnU-Net are not given. */
const neededOptions = (name: string, used: readonly UsedFlag[]): readonly string[] => [
  ...(always[name] ?? []),
  ...(nnunetFlags[name] ?? []).flatMap((known) =>
    known.leavesOut === undefined || used.some(({ flag }) => flag === known) ? [] : [`--${known.leavesOut}`],
  ),
];

/** nnU-Net preprocesses with the plans that its planner has just written. */
function plansOf(command: string, used: readonly UsedFlag[]): readonly string[] {
  const firstValue = (here: string): string | undefined =>
    used.find(({ flag }) => flag.here === here)?.values[0];
  const planner = firstValue("planner");
  if (command !== "preprocess" || planner === undefined || firstValue("plans") !== undefined) return [];
  const found = Object.entries(planners).find(([name]) => name === planner);
  return found === undefined ? [] : ["--plans", found[1].plansName];
}

/** Returns the model's folder, which nnU-Net composes of several options. */
function modelFolder(
  name: string,
  options: Command["options"],
  used: readonly UsedFlag[],
): readonly string[] {
  const named = (wanted: ModelPart["part"]): string | undefined =>
    used.find(({ flag }) => typeof flag.here === "object" && flag.here?.part === wanted)?.values[0];
  if (!(nnunetFlags[name] ?? []).some(({ here }) => typeof here === "object" && here !== null)) return [];
  const flag = Object.hasOwn(options, "model-dir") ? "--model-dir" : "--input";
  if (name.startsWith("nnUNetv2_")) {
    const configuration = named("configuration") ?? "3d_fullres";
    const model = `${named("trainer") ?? "nnUNetTrainer"}__${named("plans") ?? "nnUNetPlans"}__${configuration}`;
    return [flag, `"$nnUNet_results"/${numbered("Dataset", named("dataset"))}/${shellWord(model)}`];
  }
  const configuration = named("configuration") ?? "3d_fullres";
  const trainer =
    configuration === "3d_cascade_fullres"
      ? (named("cascadeTrainer") ?? named("trainer") ?? "nnUNetTrainerV2CascadeFullRes")
      : (named("trainer") ?? "nnUNetTrainerV2");
  const model = `${trainer}__${named("plans") ?? "nnUNetPlansv2.1"}`;
  const task = numbered("Task", named("dataset"));
  return [flag, `"$RESULTS_FOLDER"/nnUNet/${shellWord(configuration)}/${task}/${shellWord(model)}`];
}

/** @example numbered("Dataset", "4") // "Dataset004_*", which the shell completes */
function numbered(prefix: string, dataset: string | undefined): string {
  if (dataset === undefined) return `${prefix}…`;
  return /^\d+$/.test(dataset)
    ? `${prefix}${String(Number(dataset)).padStart(3, "0")}_*`
    : shellWord(dataset);
}

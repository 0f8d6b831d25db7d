import { delimiter, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { counted } from "../../processor/contract/counted.js";
import { ProcessorError } from "../../processor/contract/errors.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { exists } from "../../processor/files/exists.js";
import { writeFileWhole } from "../../processor/files/write-file.js";
import { arrayScript } from "../batch/slurm-script.js";
import { queuedTasks, submitScript } from "../batch/submit-array.js";
import { nnunetError } from "../ground/errors/nnunet-errors.js";
import { packageRoot } from "../ground/files/package-root.js";
import { shellWord } from "../ground/shell-word.js";
import { type ClaimOptions, withClaimedFolds } from "../nnunet/training/claim-folds.js";
import type { Fold } from "../nnunet/training/each-fold.js";
import type { CommandSession } from "./command-session.js";
import type { TrainArguments } from "./commands/train.js";
import { type PlannedTraining, plannedTraining } from "./planned-training.js";
import { sbatchOptions } from "./sbatch-options.js";

/** A stop waits for a checkpoint that is being written, at most two minutes. */
const signalSeconds = 180;

export interface SubmittedTraining {
  /** Null if all folds are finished. */
  readonly script: string | null;
  readonly tasks: number;
  /** Null if nothing was submitted. */
  readonly array: string | null;
}

/**
 * Submits an array of Slurm whose tasks train one fold each, after the checks that a training on this machine makes.
 *
 * @throws USAGE; the errors of `checkTraining`; FOLD_IN_USE; TOOL_MISSING, SCHEDULER_FAILED
 */
export async function submitTraining(
  args: TrainArguments,
  session: CommandSession,
): Promise<SubmittedTraining> {
  const { terminal, environment, currentDirectory, progress, signal } = session;
  if (args.restart)
    throw sharedError(
      "USAGE",
      "--restart with --slurm would begin again each time that Slurm starts a task again; move the folders of the folds away instead, such as `mv fold_0 fold_0.old`, and submit without --restart",
    );
  if (args.gpus !== undefined)
    throw sharedError("USAGE", "--gpus is for this machine; with --slurm, --gres says what each task gets");
  const planned = await plannedTraining(args, session);
  const { modelFolder, folderOf } = planned;
  for (const warning of [...planned.warnings, ...(await missingTrainer(planned))])
    progress.note(`warning: ${warning}`);
  const open = await unfinished(planned);
  if (open.length === 0) {
    if (!args.json) terminal.out("all folds are finished\n");
    return { script: null, tasks: 0, array: null };
  }
  const logs = join(modelFolder, "slurm");
  const script = join(logs, "train.sh");
  const onWarning = (text: string): void => progress.note(`warning: ${text}`);
  const claimOptions = { environment, onWarning, signal };
  const text = arrayScript({
    jobName,
    tasks: open.map(taskOf),
    mostAtOnce: null,
    logs,
    sbatchOptions: sbatchOptions(args),
    preparation: `${variables(session)}${foldOfTask(open)}`,
    command: taskCommand(args, planned, currentDirectory),
    signalSeconds,
  });
  const size = counted(open.length, "fold");
  const job = await oneAtATime(logs, claimOptions, async () => {
    const hasQueued = !args["dry-run"] && (await requireNotQueued(script, open, signal));
    // The claims are only tried: the tasks themselves take them.
    await withClaimedFolds(open.map(folderOf), claimOptions, async () => {});
    for (const warning of await planned.prepare(open, hasQueued)) onWarning(warning);
    await writeFileWhole(script, [Buffer.from(text)]);
    return args["dry-run"] ? null : submitScript(script, signal);
  });
  if (!args.json)
    terminal.out(job === null ? `${size}: ${script}\n` : `${size}: array ${job}, logs in ${logs}\n`);
  return { script, tasks: open.length, array: job };
}

/** Returns the folds that are to be trained or validated. */
async function unfinished({ folds, folderOf, stateOf }: PlannedTraining): Promise<readonly Fold[]> {
  const states = await Promise.all(folds.map((fold) => stateOf(folderOf(fold))));
  return folds.filter((_, i) => states[i] !== "finished");
}

const jobName = "nnunet-train";

/**
 * Runs `action` when no other command submits folds of the model: a second one must not look into the queue before the first has
 * submitted its tasks.
 *
 * @throws FOLD_IN_USE if another command submits for half a minute
 */
async function oneAtATime<T>(logs: string, options: ClaimOptions, action: () => Promise<T>): Promise<T> {
  for (let looks = 1; ; looks++) {
    let isMine = false;
    try {
      return await withClaimedFolds([logs], { ...options, deed: "is submitting folds of this model" }, () => {
        isMine = true;
        return action();
      });
    } catch (error) {
      const isTaken = !isMine && error instanceof ProcessorError && error.code === "FOLD_IN_USE";
      if (!isTaken || looks === mostLooks) throw error;
    }
    await wait(lookEveryMs, undefined, { signal: options.signal });
  }
}

const lookEveryMs = 500;
const mostLooks = 60;

/** Not a fold's number in practice, and within the size of arrays that clusters allow. */
const taskOfAll = 100;

/** A fold has the same task, and so the same log, in every array. */
const taskOf = (fold: Fold): number => (fold === "all" ? taskOfAll : fold);

/**
 * @returns whether Slurm has other folds of the model
 * @throws FOLD_IN_USE if an earlier array is to train one of the folds, or does
 */
async function requireNotQueued(
  script: string,
  folds: readonly Fold[],
  signal: AbortSignal,
): Promise<boolean> {
  const wanted = new Map(folds.map((fold) => [taskOf(fold), fold]));
  const all = await queuedTasks({ script, jobName }, signal);
  const queued = all.filter(({ number }) => wanted.has(number));
  if (queued.length === 0) return all.length > 0;
  const lines = queued.map(
    ({ id, number, state, user }) => `fold ${wanted.get(number)}: ${id} of ${user}, ${state}`,
  );
  throw nnunetError(
    "FOLD_IN_USE",
    `Slurm has tasks for the same folds already; \`scancel ${queued.map(({ id }) => id).join(" ")}\` takes them back if they are yours\n  ${lines.join("\n  ")}`,
  );
}

/** Warns of an environment that is not here: it may be on the machines that train. */
async function missingTrainer({ program }: PlannedTraining): Promise<readonly string[]> {
  if (program === null || (await exists(program))) return [];
  return [`${program} does not exist on this machine; every task needs it on its own`];
}

/** Returns lines that set nnU-Net's variables as they are here, also for a script that is submitted later. */
function variables({ environment, currentDirectory }: CommandSession): string {
  const absolute = (text: string): string =>
    text
      .split(delimiter)
      .map((path) => resolve(currentDirectory, path))
      .join(delimiter);
  return Object.entries(environment)
    .filter(([name, value]) => /^(?:nnUNet_\w+|RESULTS_FOLDER)$/.test(name) && value !== undefined)
    .map(
      ([name, value = ""]) =>
        `export ${name}=${shellWord(namesFolder.test(name) && value !== "" ? absolute(value) : value)}\n`,
    )
    .join("");
}

const namesFolder = /^(?:nnUNet_(?:raw|raw_data_base|preprocessed|results|extTrainer)|RESULTS_FOLDER)$/;

const foldOfTask = (folds: readonly Fold[]): string =>
  `folds=(${folds.map((fold) => `[${taskOf(fold)}]=${fold}`).join(" ")})\n`;

/** Returns the command of a task, which takes its fold from its number. */
function taskCommand(
  args: TrainArguments,
  { dataset, words: own }: PlannedTraining,
  currentDirectory: string,
): string {
  const absolute = (path: string): string => resolve(currentDirectory, path);
  const { venv, "pretrained-weights": weights } = args;
  const words = [
    ...[
      process.execPath,
      // The command in `bin` would set up a clone, which a node without a network cannot.
      join(packageRoot, "dist", "build_processor.js"),
      "train",
      dataset,
      args.configuration,
    ],
    ...own,
    args["save-probabilities"] ? "--save-probabilities" : "--no-save-probabilities",
    ...(venv === undefined ? [] : ["--venv", absolute(venv)]),
    ...(weights === undefined ? [] : ["--pretrained-weights", absolute(weights)]),
  ];
  return `${words.map(shellWord).join(" ")} --folds "\${folds[SLURM_ARRAY_TASK_ID]}"`;
}

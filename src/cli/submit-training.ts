import { delimiter, join, resolve } from "node:path";
import { counted } from "../../processor/contract/counted.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { exists } from "../../processor/files/exists.js";
import { writeFileWhole } from "../../processor/files/write-file.js";
import { arrayScript } from "../batch/slurm-script.js";
import { queuedTasks, submitScript } from "../batch/submit-array.js";
import { nnunetError } from "../ground/errors/nnunet-errors.js";
import { packageRoot } from "../ground/files/package-root.js";
import { shellWord } from "../ground/shell-word.js";
import { findDatasetName } from "../nnunet/find-dataset.js";
import { nnunetFolders } from "../nnunet/folders.js";
import {
  checkTraining,
  modelPlace,
  trainedFolder,
  unpackingWarning,
  writeFirstSplits,
} from "../nnunet/training/check-training.js";
import { withClaimedFolds } from "../nnunet/training/claim-folds.js";
import type { Fold } from "../nnunet/training/each-fold.js";
import { foldState } from "../nnunet/training/fold-state.js";
import { programOf } from "../nnunet/training/trainer-command.js";
import type { CommandSession } from "./command-session.js";
import type { TrainArguments } from "./commands/train.js";
import { foldsOf } from "./folds-of.js";
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
  const folders = nnunetFolders({ environment, currentDirectory }, 2);
  const dataset = await findDatasetName(String(args.dataset), folders);
  const { trainer, plans } = trainedName(args);
  const { configuration } = args;
  const place = modelPlace(folders, dataset, { trainer, plans, configuration });
  const modelFolder = await trainedFolder(place);
  const folds = foldsOf(args.folds);
  const weights = args["pretrained-weights"];
  for (const warning of await checkTraining({
    ...place,
    modelFolder,
    folds,
    pretrainedWeights: weights === undefined ? null : resolve(currentDirectory, weights),
    gpusPerFold: args["gpus-per-fold"],
  }))
    progress.note(`warning: ${warning}`);
  for (const warning of await missingTrainer(args, currentDirectory)) progress.note(`warning: ${warning}`);
  const open = await unfinished(modelFolder, folds);
  if (open.length === 0) {
    if (!args.json) terminal.out("all folds are finished\n");
    return { script: null, tasks: 0, array: null };
  }
  const logs = join(modelFolder, "slurm");
  const script = join(logs, "train.sh");
  const foldFolders = open.map((fold) => join(modelFolder, `fold_${fold}`));
  const onWarning = (text: string): void => progress.note(`warning: ${text}`);
  const claimOptions = { environment, onWarning, signal };
  const text = arrayScript({
    jobName,
    tasks: open.map(taskOf),
    mostAtOnce: null,
    logs,
    sbatchOptions: sbatchOptions(args),
    preparation: `${variables(session)}${foldOfTask(open)}`,
    command: taskCommand(args, { dataset, currentDirectory }),
    signalSeconds,
  });
  const size = counted(open.length, "fold");
  // A second command at the same time must not look into the queue before the first has submitted its tasks.
  const job = await withClaimedFolds([logs], { ...claimOptions, deed }, async () => {
    if (!args["dry-run"]) await requireNotQueued(script, open, signal);
    // The claims are only tried: the tasks themselves take them.
    await withClaimedFolds(foldFolders, claimOptions, async () => {});
    if (folds.some((fold) => fold !== "all")) await writeFirstSplits(place);
    for (const warning of open.length > 1 ? await unpackingWarning(place) : []) onWarning(warning);
    await writeFileWhole(script, [Buffer.from(text)]);
    return args["dry-run"] ? null : submitScript(script, signal);
  });
  if (!args.json)
    terminal.out(job === null ? `${size}: ${script}\n` : `${size}: array ${job}, logs in ${logs}\n`);
  return { script, tasks: open.length, array: job };
}

/** Returns the folds that are to be trained or validated. */
async function unfinished(modelFolder: string, folds: readonly Fold[]): Promise<readonly Fold[]> {
  const states = await Promise.all(folds.map((fold) => foldState(join(modelFolder, `fold_${fold}`))));
  return folds.filter((_, i) => states[i] !== "finished");
}

const jobName = "nnunet-train";

const deed = "is submitting folds of this model, which takes a second";

/** Not a fold's number in practice, and within the size of arrays that clusters allow. */
const taskOfAll = 100;

/** A fold has the same task, and so the same log, in every array. */
const taskOf = (fold: Fold): number => (fold === "all" ? taskOfAll : fold);

/** @throws FOLD_IN_USE if an earlier array is to train one of the folds, or does */
async function requireNotQueued(script: string, folds: readonly Fold[], signal: AbortSignal): Promise<void> {
  const wanted = new Map(folds.map((fold) => [taskOf(fold), fold]));
  const queued = (await queuedTasks({ script, jobName }, signal)).filter(({ number }) => wanted.has(number));
  if (queued.length === 0) return;
  const lines = queued.map(
    ({ id, number, state, user }) => `fold ${wanted.get(number)}: ${id} of ${user}, ${state}`,
  );
  throw nnunetError(
    "FOLD_IN_USE",
    `Slurm has tasks for the same folds already; \`scancel ${queued.map(({ id }) => id).join(" ")}\` takes them back if they are yours\n  ${lines.join("\n  ")}`,
  );
}

/** Warns of an environment that is not here: it may be on the machines that train. */
async function missingTrainer(
  { venv, image }: TrainArguments,
  currentDirectory: string,
): Promise<readonly string[]> {
  const runner = programOf(venv === undefined ? null : resolve(currentDirectory, venv));
  if (venv === undefined || image !== undefined || runner.kind !== "program" || (await exists(runner.path)))
    return [];
  return [`${runner.path} does not exist on this machine; every task needs it on its own`];
}

/** Returns lines that set nnU-Net's variables as they are here, also for a script that is submitted later. */
function variables({ environment, currentDirectory }: CommandSession): string {
  const absolute = (text: string): string =>
    text
      .split(delimiter)
      .map((path) => resolve(currentDirectory, path))
      .join(delimiter);
  return Object.entries(environment)
    .filter(([name, value]) => /^nnUNet_\w+$/.test(name) && value !== undefined)
    .map(
      ([name, value = ""]) =>
        `export ${name}=${shellWord(namesFolder.test(name) && value !== "" ? absolute(value) : value)}\n`,
    )
    .join("");
}

const namesFolder = /^nnUNet_(?:raw|preprocessed|results|extTrainer)$/;

const trainedName = ({ trainer = "nnUNetTrainer", plans = "nnUNetPlans" }: TrainArguments) => ({
  trainer,
  plans,
});

const foldOfTask = (folds: readonly Fold[]): string =>
  `folds=(${folds.map((fold) => `[${taskOf(fold)}]=${fold}`).join(" ")})\n`;

/** Returns the command of a task, which takes its fold from its number. */
function taskCommand(
  args: TrainArguments,
  { dataset, currentDirectory }: { readonly dataset: string; readonly currentDirectory: string },
): string {
  const absolute = (path: string): string => resolve(currentDirectory, path);
  const { venv, image, "pretrained-weights": weights } = args;
  const { trainer, plans } = trainedName(args);
  const words = [
    ...[
      process.execPath,
      // The command in `bin` would set up a clone, which a node without a network cannot.
      join(packageRoot, "dist", "build_processor.js"),
      "train",
      dataset,
      args.configuration,
    ],
    ...["--trainer", trainer, "--plans", plans, "--device", args.device],
    ...["--gpus-per-fold", String(args["gpus-per-fold"])],
    args["save-probabilities"] ? "--save-probabilities" : "--no-save-probabilities",
    ...(venv === undefined ? [] : ["--venv", absolute(venv)]),
    ...(image === undefined ? [] : ["--image", image, "--shm-size", args["shm-size"]]),
    ...(weights === undefined ? [] : ["--pretrained-weights", absolute(weights)]),
  ];
  return `${words.map(shellWord).join(" ")} --folds "\${folds[SLURM_ARRAY_TASK_ID]}"`;
}

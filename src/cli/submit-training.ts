import { join, resolve } from "node:path";
import { counted } from "../../processor/contract/counted.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { writeFileWhole } from "../../processor/files/write-file.js";
import { arrayScript } from "../batch/slurm-script.js";
import { submitScript } from "../batch/submit-array.js";
import { packageRoot } from "../ground/files/package-root.js";
import { shellWord } from "../ground/shell-word.js";
import { findDatasetName } from "../nnunet/find-dataset.js";
import { nnunetFolders, requireFolder } from "../nnunet/folders.js";
import { checkTraining } from "../nnunet/training/check-training.js";
import type { CommandSession } from "./command-session.js";
import type { TrainArguments } from "./commands/train.js";
import { foldsOf } from "./folds-of.js";
import { sbatchOptions } from "./sbatch-options.js";

/** A stop waits for a checkpoint that is being written, at most two minutes. */
const signalSeconds = 180;

/**
 * Submits an array of Slurm whose tasks train one fold each, after the checks that a training on this machine makes.
 *
 * @throws USAGE; the errors of `checkTraining`; TOOL_MISSING, SCHEDULER_FAILED
 */
export async function submitTraining(args: TrainArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory, progress, signal } = session;
  if (args.restart)
    throw sharedError(
      "USAGE",
      "--restart with --slurm would begin again each time that Slurm starts a task again",
    );
  if (args.gpus !== undefined)
    throw sharedError("USAGE", "--gpus is for this machine; with --slurm, --gres says what each task gets");
  const folders = nnunetFolders({ environment, currentDirectory }, 2);
  const dataset = await findDatasetName(String(args.dataset), folders);
  const { trainer, plans } = trainedName(args);
  const { configuration } = args;
  const modelFolder = join(
    requireFolder(folders, "results"),
    dataset,
    `${trainer}__${plans}__${configuration}`,
  );
  const preprocessedFolder = join(requireFolder(folders, "preprocessed"), dataset);
  const place = { preprocessedFolder, modelFolder, plans, configuration };
  for (const warning of await checkTraining({ ...place, gpusPerFold: args["gpus-per-fold"] }))
    progress.note(`warning: ${warning}`);
  const folds = foldsOf(args.folds);
  const logs = join(modelFolder, "slurm");
  await makeFolder(logs);
  const script = join(logs, "train.sh");
  const text = arrayScript({
    jobName: "nnunet-train",
    tasks: folds.length,
    mostAtOnce: null,
    logs,
    sbatchOptions: sbatchOptions(args),
    command: taskCommand(args, { dataset, currentDirectory, folds }),
    signalSeconds,
  });
  await writeFileWhole(script, [Buffer.from(text)]);
  const size = counted(folds.length, "fold");
  const job = args["dry-run"] ? null : await submitScript(script, signal);
  if (args.json) terminal.out(`${JSON.stringify({ script, tasks: folds.length, array: job }, null, 2)}\n`);
  else terminal.out(job === null ? `${size}: ${script}\n` : `${size}: array ${job}, logs in ${logs}\n`);
  return 0;
}

const trainedName = ({ trainer = "nnUNetTrainer", plans = "nnUNetPlans" }: TrainArguments) => ({
  trainer,
  plans,
});

/** Returns the command of a task, which takes its fold from its number. */
function taskCommand(
  args: TrainArguments,
  {
    dataset,
    currentDirectory,
    folds,
  }: {
    readonly dataset: string;
    readonly currentDirectory: string;
    readonly folds: readonly (number | string)[];
  },
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
  return `folds=(${folds.join(" ")})\n${words.map(shellWord).join(" ")} --folds "\${folds[SLURM_ARRAY_TASK_ID]}"`;
}

import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { shortText } from "../../ground/untrusted/short-text.js";
import { findDatasetNames } from "../../nnunet/find-dataset.js";
import { type NnunetFolders, nnunetFolders } from "../../nnunet/folders.js";
import { checkedTraining, type TrainedFolds, train } from "../../nnunet/training/train.js";
import { programOf, type Trainer } from "../../nnunet/training/trainer-command.js";
import { checkedTaskTraining, trainTask } from "../../nnunet/training/v1/train-task.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import { jsonText } from "../json-text.js";
import type { trainOptions } from "../options/train-options.js";
import { namesOfV1, namesOfV2, pretrainedWeights, programFolderOfV1 } from "../training-names.js";
import { trainingProgress } from "../training-progress.js";

export type TrainArguments = InferredOptionTypes<typeof trainOptions> & {
  readonly dataset: string;
  readonly configuration: string;
};

/** `build_processor train`: trains folds of a model with nnU-Net's own program, and shows how far it is. */
export async function runTrain(args: TrainArguments, session: CommandSession): Promise<number> {
  const gpus = gpuNumbers(args.gpus);
  checkGpus(args, gpus);
  const runner = runnerOf(args, session);
  if (args.nnunet === "v1" && (args.image !== undefined || args.device !== "cuda"))
    throw sharedError("USAGE", "--image and --device are for v2; v1 trains on the GPU that it finds");
  // The name becomes part of folders and of a command of bash.
  if (args.trainer !== undefined && !/^[A-Za-z_]\w{0,199}$/.test(args.trainer))
    throw sharedError("USAGE", `--trainer takes the name of a class, not ${shortText(args.trainer)}`);
  const folders = nnunetFolders(session, args.nnunet === "v1" ? 1 : 2);
  const datasets = await findDatasetNames([args.dataset, ...(args.also ?? [])].map(String), folders);
  const trainings = datasets.map((dataset) => trainingOf(dataset, args, { gpus, runner, folders, session }));
  // What would fail after days is refused before the first training.
  if (datasets.length > 1) for (const { check } of trainings) await check();
  if (args.slurm) {
    const { submitTraining } = await import("../submit-training.js");
    const arrays: object[] = [];
    try {
      for (const dataset of datasets) arrays.push(await submitTraining({ ...args, dataset }, session));
    } finally {
      // What is submitted must be known if the next one fails.
      if (args.json && arrays.length > 0)
        session.terminal.out(jsonText(datasets.length === 1 ? arrays[0]! : arrays));
    }
    return 0;
  }
  report(await trainAll(trainings, args, session));
  return 0;
}

/** Trains one data set after the other; if one fails, the others are trained all the same. */
async function trainAll(
  trainings: readonly Training[],
  { json }: TrainArguments,
  { terminal, progress, signal }: CommandSession,
): Promise<readonly Failure[]> {
  const isOne = trainings.length === 1;
  const failures: Failure[] = [];
  for (const { dataset, run } of trainings) {
    if (!isOne) progress.note(dataset);
    if (!isOne && json) terminal.out(`${JSON.stringify({ kind: "dataset", dataset })}\n`);
    try {
      const { modelFolder, failed } = await run();
      for (const { fold, error } of failed)
        failures.push({ what: isOne ? `fold ${fold}` : `${dataset}, fold ${fold}`, error });
      if (!json && failed.length === 0) terminal.out(`model      ${modelFolder}\n`);
    } catch (error) {
      if (isOne || signal.aborted || !isOfDataset(error)) throw error;
      failures.push({ what: dataset, error });
    }
  }
  return failures;
}

/** False for what would end every other training in the same way. */
const isOfDataset = (error: unknown): boolean =>
  error instanceof ProcessorError && error.code !== "TRAINER_NOT_FOUND";

interface Training {
  readonly dataset: string;
  /** Refuses what would fail. */
  readonly check: () => Promise<unknown>;
  readonly run: () => Promise<TrainedFolds>;
}

interface TrainingMachine {
  readonly gpus: readonly number[];
  readonly runner: Trainer;
  readonly folders: NnunetFolders;
  readonly session: CommandSession;
}

function trainingOf(
  dataset: string,
  args: TrainArguments,
  { gpus, runner, folders, session }: TrainingMachine,
): Training {
  const { terminal, environment, currentDirectory, progress, signal } = session;
  const shown = trainingProgress(terminal, progress, args.json);
  const common = {
    configuration: args.configuration,
    folds: foldsOf(args.folds),
    environment,
    folders,
    gpus,
    gpusPerFold: args["gpus-per-fold"],
    savesProbabilities: args["save-probabilities"],
    pretrainedWeights: pretrainedWeights(args, currentDirectory),
    restart: args.restart,
    onEvent: shown.onEvent,
    onWarning: (text: string) => progress.note(`warning: ${text}`),
    signal,
  };
  if (args.nnunet === "v1") {
    const options = {
      ...common,
      task: dataset,
      ...namesOfV1(args),
      programFolder: programFolderOfV1(args, currentDirectory),
      parallel: args.parallel,
    };
    const check = () => checkedTaskTraining(options);
    return { dataset, check, run: () => trainTask(options).finally(shown.done) };
  }
  const options = {
    ...common,
    dataset,
    ...namesOfV2(args),
    runner,
    device: args.device,
  };
  const check = () => checkedTraining(options);
  return { dataset, check, run: () => train(options).finally(shown.done) };
}

/** @throws USAGE */
function runnerOf(args: TrainArguments, { currentDirectory }: CommandSession): Trainer {
  const { image, venv } = args;
  if (image !== undefined && venv !== undefined)
    throw sharedError("USAGE", "--image and --venv both say what trains; use one of them");
  if (!/^\d+[bkmg]?$/i.test(args["shm-size"]))
    throw sharedError("USAGE", `--shm-size is a size such as 8g, not ${args["shm-size"]}`);
  if (image === undefined) return programOf(venv === undefined ? null : resolve(currentDirectory, venv));
  // Without it, all results would belong to root.
  const user = process.getuid === undefined ? null : `${process.getuid()}:${process.getgid?.() ?? 0}`;
  return { kind: "image", name: image, user, sharedMemory: args["shm-size"] };
}

interface Failure {
  /** As in `fold 0`. */
  readonly what: string;
  readonly error: unknown;
}

/** @throws the error of the only fold that failed, or SOME_CASES_FAILED */
function report(failures: readonly Failure[]): void {
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1) throw first.error;
  const lines = failures.map(({ what, error }) => `  ${what}: ${(error as ProcessorError).message}`);
  throw sharedError("SOME_CASES_FAILED", `${failures.length} trainings failed:\n${lines.join("\n")}`);
}

/** @throws USAGE for GPUs that contradict each other or the device */
function checkGpus(
  { device, "gpus-per-fold": perFold }: Pick<TrainArguments, "device" | "gpus-per-fold">,
  gpus: readonly number[],
): void {
  if (!Number.isInteger(perFold) || perFold < 1)
    throw sharedError("USAGE", `--gpus-per-fold is a whole number from 1 on, not ${perFold}`);
  if (gpus.length > 0 && perFold > 1)
    throw sharedError(
      "USAGE",
      "--gpus gives each fold one GPU, and --gpus-per-fold several; use one of them",
    );
  if (device !== "cuda" && (gpus.length > 0 || perFold > 1))
    throw sharedError(
      "USAGE",
      `--device ${device} uses no GPUs of NVIDIA, so that --gpus and --gpus-per-fold mean nothing; nnU-Net shares a fold among GPUs only`,
    );
}

/** @throws USAGE */
function gpuNumbers(text: string | undefined): readonly number[] {
  if (text === undefined) return [];
  const words = String(text).split(",");
  if (words.some((word) => !/^\d{1,3}$/.test(word)) || new Set(words).size < words.length)
    throw sharedError(
      "USAGE",
      `--gpus are different numbers with commas between them, such as 0,1; not ${text}`,
    );
  return words.map(Number);
}

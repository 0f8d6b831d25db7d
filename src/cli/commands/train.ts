import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import type { ProcessorError } from "../../../processor/contract/errors.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { shortText } from "../../ground/untrusted/short-text.js";
import { nnunetFolders } from "../../nnunet/folders.js";
import { type TrainedFolds, train } from "../../nnunet/training/train.js";
import { programOf, type Trainer } from "../../nnunet/training/trainer-command.js";
import { trainTask } from "../../nnunet/training/v1/train-task.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import type { trainOptions } from "../options/train-options.js";
import { trainingProgress } from "../training-progress.js";

export type TrainArguments = InferredOptionTypes<typeof trainOptions> & {
  readonly dataset: string;
  readonly configuration: string;
};

/** `build_processor train`: trains folds of a model with nnU-Net's own program, and shows how far it is. */
export async function runTrain(args: TrainArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory, progress, signal } = session;
  const gpus = gpuNumbers(args.gpus);
  checkGpus(args, gpus);
  const runner = runnerOf(args, session);
  if (args.nnunet === "v1" && (args.slurm || args.image !== undefined || args.device !== "cuda"))
    throw sharedError(
      "USAGE",
      "--slurm, --image and --device are for v2; v1 trains on the GPU that it finds",
    );
  // The name becomes part of folders and of a command of bash.
  if (args.trainer !== undefined && !/^[A-Za-z_]\w{0,199}$/.test(args.trainer))
    throw sharedError("USAGE", `--trainer takes the name of a class, not ${shortText(args.trainer)}`);
  if (args.slurm) {
    const { submitTraining } = await import("../submit-training.js");
    return submitTraining(args, session);
  }
  const shown = trainingProgress(terminal, progress, args.json);
  const programFolder = args.venv === undefined ? null : join(resolve(currentDirectory, args.venv), "bin");
  const common = {
    configuration: args.configuration,
    folds: [...new Set(foldsOf(args.folds))],
    environment,
    gpus,
    gpusPerFold: args["gpus-per-fold"],
    savesProbabilities: args["save-probabilities"],
    pretrainedWeights:
      args["pretrained-weights"] === undefined ? null : resolve(currentDirectory, args["pretrained-weights"]),
    restart: args.restart,
    onEvent: shown.onEvent,
    onWarning: (text: string) => progress.note(`warning: ${text}`),
    signal,
  };
  const training =
    args.nnunet === "v1"
      ? trainTask({
          ...common,
          task: String(args.dataset),
          trainer: args.trainer ?? null,
          plans: args.plans ?? "nnUNetPlansv2.1",
          folders: nnunetFolders({ environment, currentDirectory }, 1),
          programFolder,
          parallel: args.parallel,
        })
      : train({
          ...common,
          dataset: String(args.dataset),
          trainer: args.trainer ?? "nnUNetTrainer",
          plans: args.plans ?? "nnUNetPlans",
          folders: nnunetFolders({ environment, currentDirectory }, 2),
          runner,
          device: args.device,
        });
  const result = await training.finally(shown.done);
  report(result);
  if (!args.json) terminal.out(`model      ${result.modelFolder}\n`);
  return 0;
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

/** @throws the error of the only fold that failed, or SOME_CASES_FAILED */
function report({ failed }: TrainedFolds): void {
  const [first] = failed;
  if (first === undefined) return;
  if (failed.length === 1) throw first.error;
  const lines = failed.map(({ fold, error }) => `  fold ${fold}: ${(error as ProcessorError).message}`);
  throw sharedError("SOME_CASES_FAILED", `${failed.length} folds failed:\n${lines.join("\n")}`);
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

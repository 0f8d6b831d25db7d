import { delimiter, join, resolve } from "node:path";
import { type NnunetFolders, requireFolder } from "../folders.js";

/** What runs `nnUNetv2_train`: a program of this machine, or an image of Docker that has it. */
export type Trainer =
  | { readonly kind: "program"; readonly path: string }
  | {
      readonly kind: "image";
      readonly name: string;
      /** The user and group that own the results, such as `1000:1000`. */
      readonly user: string | null;
      /** The size of /dev/shm, through which nnU-Net's workers pass their batches. */
      readonly sharedMemory: string;
    };

/** A command that trains one fold. Its last words are those of `nnUNetv2_train`. */
export interface TrainerCommand {
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The container of Docker in which it trains, and which ending the process may not end; null without one. */
  readonly container: string | null;
}

/** The variables of nnU-Net that a container gets, besides its folders. */
const passedVariables = ["nnUNet_n_proc_DA", "nnUNet_def_n_proc", "nnUNet_compile", "PYTHONHASHSEED"];

/** What a command for a fold needs to know about the training. */
export interface TrainerSetting {
  readonly runner: Trainer;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folders: NnunetFolders;
  readonly device: "cuda" | "cpu" | "mps";
  readonly pretrainedWeights: string | null;
}

/** Returns the command for a fold on one GPU, or on the GPUs that CUDA finds. */
export function trainerCommand(
  { runner, environment, folders, device, pretrainedWeights }: TrainerSetting,
  { fold, gpu }: { readonly fold: number | "all"; readonly gpu: number | null },
  words: readonly string[],
): TrainerCommand {
  if (runner.kind === "program") {
    const ofGpu = gpu === null ? {} : { CUDA_VISIBLE_DEVICES: String(gpu) };
    return { program: runner.path, argv: words, environment: { ...environment, ...ofGpu }, container: null };
  }
  const name = `nnunet-train-${process.pid}-${fold}`;
  const results = requireFolder(folders, "results");
  const preprocessed = requireFolder(folders, "preprocessed");
  const variables = {
    nnUNet_raw: "/nnunet/raw",
    nnUNet_preprocessed: "/nnunet/preprocessed",
    nnUNet_results: "/nnunet/results",
    HOME: "/tmp",
    PYTHONUNBUFFERED: "1",
  };
  const ofTrainers = mountedTrainers(environment["nnUNet_extTrainer"] ?? "");
  const passed = passedVariables.filter((variable) => environment[variable] !== undefined);
  const argv = [
    // With an init, a signal reaches Python, which ignores it as the first process of a container.
    ...["run", "--rm", "--init", "--name", name, "--network", "none", "--shm-size", runner.sharedMemory],
    ...(runner.user === null ? [] : ["--user", runner.user]),
    ...(device === "cuda" ? ["--gpus", gpu === null ? "all" : `device=${gpu}`] : []),
    ...["--volume", `${preprocessed}:${variables.nnUNet_preprocessed}`],
    ...["--volume", `${results}:${variables.nnUNet_results}`],
    ...(pretrainedWeights === null ? [] : ["--volume", `${pretrainedWeights}:${pretrainedWeights}:ro`]),
    ...Object.entries(variables).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]),
    ...ofTrainers,
    ...passed.flatMap((variable) => ["--env", variable]),
    ...["--entrypoint", "nnUNetv2_train", runner.name, ...words],
  ];
  return { program: "docker", argv, environment, container: name };
}

/** Returns the options with which a container sees folders of the user's own trainers, which a variable lists. */
function mountedTrainers(variable: string): readonly string[] {
  const folders = variable.split(delimiter).filter((folder) => folder.trim() !== "");
  if (folders.length === 0) return [];
  const inside = folders.map((_, i) => `/nnunet/trainers/${i}`);
  return [
    ...folders.flatMap((folder, i) => ["--volume", `${resolve(folder)}:${inside[i]}:ro`]),
    ...["--env", `nnUNet_extTrainer=${inside.join(":")}`, "--env", "PYTHONDONTWRITEBYTECODE=1"],
  ];
}

/** The program of a Python environment; without one, the one in PATH. */
export const programOf = (venv: string | null): Trainer => ({
  kind: "program",
  path: venv === null ? "nnUNetv2_train" : join(venv, "bin", "nnUNetv2_train"),
});

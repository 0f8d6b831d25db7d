import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { nnunetBin } from "../bench/nnunet-peer.js";
import { repositoryRoot } from "../support/golden.js";
import { runToEnd } from "./run-to-end.js";

const dataset = "Dataset778_Balls";
const trainer = "nnUNetTrainerFourEpochs";
const folds = ["0", "1"];
const peerFolder = join(repositoryRoot, "test", "peer");
const program = join(repositoryRoot, "dist", "build_processor.js");

/**
 * Goes from raw data to an image with this program's commands alone; only the training is nnU-Net's. The training is
 * killed once and continues. The image runs as a platform would run it, and its segmentations are compared with those of
 * `nnUNetv2_predict` for the trained model.
 *
 * @throws Error if a step fails, or a label has a Dice below 0.999 against nnU-Net
 */
export async function compareChain(scratch: string): Promise<string> {
  useNnunetFolders(scratch);
  const raw = join(scratch, "raw", dataset);
  await runToEnd(join(nnunetBin(), "python"), [join(peerFolder, "training_dataset.py"), raw]);
  for (const words of [["dataset", "verify"], ["fingerprint"], ["plan"]]) await ours([...words, "778"]);
  await ours(["preprocess", "778", "-c", "3d_fullres"]);
  const training = [
    ...["train", "778", "3d_fullres", "-f", ...folds, "--trainer", trainer],
    ...["--venv", join(nnunetBin(), ".."), "--device", "cpu"],
  ];
  await killedAfter(/epoch 1 of 4/, training);
  const printed = await ours([...training, "--json"]);
  if (!printed.includes('"state":"interrupted"')) throw new Error("the killed fold did not continue");
  const config = join(scratch, "image", "config.json");
  await ours([
    ...["find-best", "778", "-c", "3d_fullres", "--trainer", trainer, "-f", ...folds],
    ...["--no-ensembles", "--write-config", config],
  ]);
  const theirs = join(scratch, "theirs");
  await nnunetAnswer(scratch, join(raw, "imagesTs"), theirs);
  const tag = "nnunet-processor-test/chain:1";
  try {
    await ours(["--config-file", config, "--tag", tag]);
    await ours(["simulate", tag, "-i", join(raw, "imagesTs"), "--expect", theirs]);
  } finally {
    await runToEnd("docker", ["rmi", "--force", tag]);
  }
  return `raw data to an image in ${folds.length} folds, killed once: simulate passed with nnU-Net's own segmentations`;
}

/** Segments with nnU-Net, and applies the post-processing that `find-best` chose. */
async function nnunetAnswer(scratch: string, input: string, output: string): Promise<void> {
  const raw = join(scratch, "unprocessed");
  const model = join(scratch, "results", dataset, `${trainer}__nnUNetPlans__3d_fullres`);
  await nnunet("predict_from_modelfolder", [
    ...["-i", input, "-o", raw, "-m", model, "-f", ...folds, "-device", "cpu", "-npp", "1", "-nps", "1"],
  ]);
  const chosen = join(model, `crossval_results_folds_${folds.join("_")}`, "postprocessing.pkl");
  await nnunet("apply_postprocessing", ["-i", raw, "-o", output, "-pp_pkl_file", chosen, "-np", "1"]);
}

/** Starts a command, and interrupts it as Ctrl-C does when it prints a text. */
async function killedAfter(text: RegExp, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "inherit", "pipe"] });
  let wasSeen = false;
  createInterface({ input: child.stderr }).on("line", (line) => {
    console.log(line);
    if (wasSeen || !text.test(line)) return;
    wasSeen = true;
    child.kill("SIGINT");
  });
  const [exitCode] = (await once(child, "close")) as [number | null];
  if (!wasSeen || exitCode !== 130)
    throw new Error(`the training ended with ${exitCode} before it was stopped`);
}

function useNnunetFolders(scratch: string): void {
  const results = join(scratch, "results");
  rmSync(results, { recursive: true, force: true });
  for (const folder of [results, join(scratch, "preprocessed")]) mkdirSync(folder, { recursive: true });
  Object.assign(process.env, {
    nnUNet_raw: join(scratch, "raw"),
    nnUNet_preprocessed: join(scratch, "preprocessed"),
    nnUNet_results: results,
    nnUNet_extTrainer: join(repositoryRoot, "examples", "training"),
    nnUNet_n_proc_DA: "0",
    nnUNet_compile: "f",
    nnUNet_def_n_proc: "1",
    PYTHONDONTWRITEBYTECODE: "1",
  });
}

const nnunet = (command: string, args: readonly string[]) =>
  runToEnd(join(nnunetBin(), `nnUNetv2_${command}`), args);

const ours = (args: readonly string[]) => runToEnd(process.execPath, [program, ...args]);

import { mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { nnunetBin } from "../bench/nnunet-peer.js";
import { repositoryRoot } from "../support/golden.js";
import { type Answer, compareAnswers, summaryOf } from "./compare-answers.js";
import { runToEnd } from "./run-to-end.js";

const dataset = "Dataset777_Balls";
const trainer = "nnUNetTrainerFewSteps";
const peerFolder = join(repositoryRoot, "test", "peer");

/** A configuration, and the fold that is trained: one of five, or every case. */
const trainings = [
  { configuration: "2d", fold: "0" },
  { configuration: "3d_fullres", fold: "all" },
] as const;

/**
 * Has the real nnU-Net plan, preprocess and train a tiny dataset in 2-D and 3-D, segments new cases with nnU-Net, with the
 * model folder and with the converted model, and returns how many voxels differ.
 *
 * @throws Error if a voxel differs although its label is clear
 */
export async function compareAfterTraining(scratch: string): Promise<string> {
  const results = useNnunetFolders(scratch);
  const raw = join(scratch, "raw", dataset);
  await runToEnd(join(nnunetBin(), "python"), [join(peerFolder, "training_dataset.py"), raw]);
  await nnunet("plan_and_preprocess", [
    ...["-d", "777", "-c", ...trainings.map(({ configuration }) => configuration)],
    ...["-npfp", "1", "-np", "1", "--verify_dataset_integrity"],
  ]);
  const answers: Answer[] = [];
  for (const { configuration, fold } of trainings) {
    await nnunet("train", ["777", configuration, fold, "-tr", trainer, "-device", "cpu"]);
    const input = join(raw, "imagesTs");
    const theirs = join(scratch, "nnunet", configuration);
    await nnunet("predict", [
      ...["-i", input, "-o", theirs, "-d", "777", "-c", configuration, "-f", fold, "-tr", trainer],
      ...["-device", "cpu", "-npp", "1", "-nps", "1"],
    ]);
    const model = join(results, dataset, `${trainer}__nnUNetPlans__${configuration}`);
    const converted = join(scratch, "converted", configuration);
    await ours(["convert", "--model-dir", model, "-o", converted]);
    for (const modelDir of [model, converted]) {
      const output = join(scratch, "ours", basename(dirname(modelDir)), basename(modelDir));
      await ours(["predict", "--model-dir", modelDir, "-i", input, "-o", output, "--save-probabilities"]);
      answers.push(...(await compareAnswers(model, { ours: output, theirs })));
    }
  }
  return summaryOf(answers);
}

/** Sets the folders that nnU-Net reads and writes, and returns the one with its results. */
function useNnunetFolders(scratch: string): string {
  const results = join(scratch, "results");
  mkdirSync(results, { recursive: true });
  Object.assign(process.env, {
    nnUNet_raw: join(scratch, "raw"),
    nnUNet_preprocessed: join(scratch, "preprocessed"),
    nnUNet_results: results,
    // nnU-Net imports every file in this folder when it looks for a trainer.
    nnUNet_extTrainer: join(peerFolder, "trainers"),
    nnUNet_n_proc_DA: "1",
    nnUNet_compile: "f",
    nnUNet_def_n_proc: "1",
    PYTHONDONTWRITEBYTECODE: "1",
  });
  return results;
}

const nnunet = (command: string, args: readonly string[]) =>
  runToEnd(join(nnunetBin(), `nnUNetv2_${command}`), args);

const ours = (args: readonly string[]) =>
  runToEnd(process.execPath, [join(repositoryRoot, "dist", "build_processor.js"), ...args]);

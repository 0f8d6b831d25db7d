import { mkdirSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { nnunetBin } from "../bench/nnunet-peer.js";
import { repositoryRoot } from "../support/golden.js";
import { readNpz } from "../support/model/read-npz.js";
import { runToEnd } from "./run-to-end.js";

const dataset = "Dataset777_Balls";
const trainer = "nnUNetTrainerFewSteps";
const peerFolder = join(repositoryRoot, "test", "peer");

/** A configuration, and the fold that is trained: one of five, or every case. */
const trainings = [
  { configuration: "2d", fold: "0" },
  { configuration: "3d_fullres", fold: "all" },
] as const;

/** nnU-Net adds up windows in float16, which changes a probability by up to this much. */
const mostMargin = 0.02;

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
  const comparisons: Comparison[] = [];
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
      for (const file of readdirSync(theirs).filter((name) => name.endsWith(".nii.gz")))
        comparisons.push(await compare(join(output, file), join(theirs, file)));
    }
  }
  return summaryOf(comparisons);
}

interface Comparison {
  readonly voxels: number;
  /** Voxels that are not background in nnU-Net's segmentation. */
  readonly foreground: number;
  /** For each voxel that differs: our probability of our label, minus that of nnU-Net's label. */
  readonly margins: readonly number[];
}

async function compare(path: string, expectedPath: string): Promise<Comparison> {
  const [found, expected] = [await readImage(path), await readImage(expectedPath)];
  const { data, shape } = readNpz(path.replace(/\.nii\.gz$/, ".npz"), "probabilities");
  const voxels = expected.voxels.length;
  if (found.voxels.length !== voxels || data.length !== voxels * shape[0]!)
    throw new Error(`${path} has ${found.voxels.length} voxels, not ${voxels}`);
  let foreground = 0;
  const margins: number[] = [];
  for (let i = 0; i < voxels; i++) {
    const [label, expectedLabel] = [Number(found.voxels[i]), Number(expected.voxels[i])];
    if (expectedLabel !== 0) foreground++;
    if (label !== expectedLabel) margins.push(data[label * voxels + i]! - data[expectedLabel * voxels + i]!);
  }
  return { voxels, foreground, margins };
}

function summaryOf(comparisons: readonly Comparison[]): string {
  const sum = (count: (comparison: Comparison) => number) =>
    comparisons.reduce((total, comparison) => total + count(comparison), 0);
  const voxels = sum((comparison) => comparison.voxels);
  const differing = sum(({ margins }) => margins.length);
  if (sum(({ foreground }) => foreground) === 0)
    throw new Error("nnU-Net found nothing but background, so that there is nothing to compare");
  const margin = Math.max(0, ...comparisons.flatMap(({ margins }) => margins));
  const summary = `${differing} of ${voxels} voxels differ, whose two labels have probabilities within ${margin.toFixed(3)}`;
  if (margin > mostMargin) throw new Error(summary);
  return differing === 0 ? `0 of ${voxels} voxels differ` : summary;
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

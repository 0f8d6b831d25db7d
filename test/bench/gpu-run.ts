import { join } from "node:path";
import { repositoryRoot } from "../support/golden.js";
import type { ImageRoot } from "./gpu-image-root.js";
import { countedAsByNvidiaSmi, type GpuUse, sampleGpu } from "./gpu-sampler.js";
import { measureProcess } from "./measure-process.js";

/** The settings that all steps of the GPU benchmark share. */
export interface GpuBench {
  readonly root: ImageRoot;
  readonly scratch: string;
  /** The `bin` folder of an environment with nnU-Net; null in a rehearsal without it. */
  readonly peerBin: string | null;
  /** FastSegmentator's program; null without an environment that has it. */
  readonly fastSegmentator: string | null;
  /** True to run on the CPU, which gives no figures of a GPU. */
  readonly isRehearsal: boolean;
}

export interface GpuRun extends GpuUse {
  readonly wallSeconds: number;
  /** The one that our program reports; null for the peer, which reports none. */
  readonly executionProvider: string | null;
}

export interface WholeRun {
  /** A model folder of nnU-Net. */
  readonly model: string;
  readonly folds: readonly string[];
  readonly inputDir: string;
  /** Has no leading dot. */
  readonly ending: string;
  readonly outputDir: string;
  /** False without test-time augmentation. */
  readonly mirrors: boolean;
}

/** Measures a whole run of the image's program with nnU-Net's defaults. The conversion is not counted, because a build does it. */
export async function runOurs(run: WholeRun, bench: GpuBench): Promise<GpuRun> {
  const converted = `${run.outputDir}-converted`;
  await convertModel({ ...run, converted });
  const [program, ...args] = bench.root.command;
  return measured(bench, [
    ...([program, ...args] as const),
    ...["--model-dir", converted, "--inputdir", run.inputDir, "--outputdir", run.outputDir],
    ...["--allowed-extensions", run.ending, "--output-extension", run.ending],
    run.mirrors ? "--use-tta" : "--no-use-tta",
    ...["--device", bench.isRehearsal ? "cpu" : "cuda"],
    // A rehearsal also uses the graphs for GPUs.
    ...["--precision", bench.isRehearsal ? "float16" : "auto"],
  ]);
}

export async function convertModel({
  model,
  folds,
  converted,
}: Pick<WholeRun, "model" | "folds"> & { readonly converted: string }): Promise<void> {
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const options = ["--model-dir", model, "-o", converted, "--folds", ...folds];
  await measureProcess([process.execPath, program, "convert", ...options]);
}

export async function runPeer(run: WholeRun, bench: GpuBench): Promise<GpuRun> {
  if (bench.peerBin === null) throw new Error("there is no nnU-Net to run");
  return measured({ ...bench, root: { ...bench.root, env: process.env } }, [
    join(bench.peerBin, "nnUNetv2_predict_from_modelfolder"),
    ...["-i", run.inputDir, "-o", run.outputDir, "-m", run.model, "-f", ...run.folds],
    ...["-device", bench.isRehearsal ? "cpu" : "cuda"],
    ...(run.mirrors ? [] : ["--disable_tta"]),
  ]);
}

/** Measures FastSegmentator, which never mirrors. With softmax, its labels are those that nnU-Net takes. */
export async function runFastSegmentator(run: WholeRun, bench: GpuBench): Promise<GpuRun> {
  if (bench.fastSegmentator === null) throw new Error("there is no FastSegmentator to run");
  return measured({ ...bench, root: { ...bench.root, env: process.env } }, [
    bench.fastSegmentator,
    ...["nnunet", "-i", run.inputDir, "-o", run.outputDir, "--model_path", run.model],
    ...["--fold", run.folds[0]!, "--use_softmax", "--device", "cuda"],
  ]);
}

async function measured(
  { root, isRehearsal }: GpuBench,
  command: readonly [string, ...string[]],
): Promise<GpuRun> {
  const run = () => measureProcess(command, { env: { ...root.env, ...countedAsByNvidiaSmi } });
  const { result, use } = isRehearsal
    ? { result: await run(), use: { peakMegabytes: 0, busyShare: 0 } }
    : await sampleGpu(run);
  const executionProvider = /the network runs on (.+)/.exec(result.stdout)?.[1] ?? null;
  return { ...use, wallSeconds: result.wallSeconds, executionProvider };
}

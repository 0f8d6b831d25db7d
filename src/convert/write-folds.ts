import { dirname, join } from "node:path";
import { filesOfFold } from "../../processor/contract/fold-files.js";
import type { ModelManifest } from "../../processor/contract/manifest.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import type { KnownFile } from "../image/image-plan.js";
import type { NetworkDigests } from "../onnx/write-network.js";
import { type ConversionMemo, recallFold } from "./conversion-memo.js";
import type { ConvertedNetwork } from "./converted-networks.js";
import type { Stage, StageFold } from "./read-stages.js";

export interface WriteFoldsOptions {
  /** Final path of the folder. */
  readonly outputDir: string;
  readonly memo?: ConversionMemo;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface WrittenFolds {
  /** Paths relative to the folder, of files that exist or that `known` can write. */
  readonly files: readonly string[];
  /** Folds whose weights float16 can represent. */
  readonly withinFloat16: ReadonlySet<StageFold>;
  /** With a memo: the files with known digests. */
  readonly known: ReadonlyMap<string, KnownFile>;
}

/**
 * Writes the folds into `folder`, except those whose digests the memo contains.
 *
 * @throws INTERRUPTED, CHECKPOINT_*
 */
export async function writeFolds(
  folds: readonly StageFold[],
  folder: string,
  { outputDir, memo, progress, signal }: WriteFoldsOptions,
): Promise<WrittenFolds> {
  const withinFloat16 = new Set<StageFold>();
  const known = new Map<string, KnownFile>();
  const due: StageFold[] = [];
  for (const fold of folds) {
    const digests = memo && fold.memoKey !== null ? await recallFold(memo, fold.memoKey) : null;
    if (digests === null) due.push(fold);
    else {
      if (digests.isWithinFloat16) withinFloat16.add(fold);
      addKnown(known, fold, { digests, write: onceWritten(fold, outputDir) });
    }
  }
  const total = due.reduce((sum, { bytes }) => sum + bytes, 0);
  const task = progress.start({ label: "converting the weights", total, unit: "bytes" });
  try {
    for (const fold of due) {
      await makeFolder(dirname(join(folder, fold.files.onnxFile)));
      const digests = await fold.write(folder, (bytes) => {
        if (signal.aborted) throw sharedError("INTERRUPTED", "the conversion was stopped");
        task.advance(bytes);
      });
      if (digests?.isWithinFloat16) withinFloat16.add(fold);
      if (memo === undefined || digests === null) continue;
      addKnown(known, fold, { digests, write: async () => {} });
      if (fold.memoKey !== null) await memo.remember(fold.memoKey, digests);
    }
  } finally {
    task.done();
  }
  return { files: folds.flatMap(({ files }) => filesOfFold(files)), withinFloat16, known };
}

/**
 * Writes the graphs for GPUs whose folds float16 can represent.
 *
 * @returns paths of the files, relative to the folder
 */
export async function writeGpuGraphs(
  stages: readonly Stage[],
  folder: string,
  withinFloat16: ReadonlySet<StageFold>,
): Promise<readonly string[]> {
  const files: string[] = [];
  for (const { folds, gpuGraph } of stages) {
    if (gpuGraph === null || !folds.every((fold) => withinFloat16.has(fold))) continue;
    await makeFolder(dirname(join(folder, gpuGraph.file)));
    await gpuGraph.write(folder);
    files.push(gpuGraph.file);
  }
  return files;
}

/**
 * Writes the form of each network for OpenVINO.
 *
 * @returns paths of the files, relative to the folder
 */
export async function writePlainGraphs(
  folds: readonly StageFold[],
  folder: string,
): Promise<readonly string[]> {
  const graphs = folds.flatMap(({ plainGraph }) => plainGraph ?? []);
  for (const { file, write } of graphs) {
    await makeFolder(dirname(join(folder, file)));
    await write(folder);
  }
  return graphs.map(({ file }) => file);
}

/** Returns the networks that were written. */
export function networksOf(
  stages: readonly Stage[],
  gpuFiles: readonly string[],
): readonly ConvertedNetwork[] {
  return stages.flatMap(({ folds, gpuGraph, model: { configuration } }): ConvertedNetwork[] => {
    const ofFolds = folds.flatMap(({ files, form, plainGraph }): ConvertedNetwork[] => {
      const network = { file: files.onnxFile, form, configuration, folds: [files.fold] };
      return plainGraph === null
        ? [network]
        : [network, { ...network, file: plainGraph.file, form: "plain" }];
    });
    if (gpuGraph === null || !gpuFiles.includes(gpuGraph.file)) return ofFolds;
    const all = folds.map(({ files }) => files.fold);
    return [...ofFolds, { file: gpuGraph.file, form: "gpu", configuration, folds: all }];
  });
}

/** Returns a model's part of the manifest without the graphs that were not written. */
export function asWritten(model: ModelManifest, gpuFiles: readonly string[]): ModelManifest {
  const { previousStage, gpuOnnxFile } = model;
  const earlier = previousStage?.model ?? null;
  return {
    ...model,
    gpuOnnxFile: gpuOnnxFile !== null && gpuFiles.includes(gpuOnnxFile) ? gpuOnnxFile : null,
    previousStage:
      previousStage === null || earlier === null
        ? previousStage
        : { ...previousStage, model: asWritten(earlier, gpuFiles) },
  };
}

/** Returns a function that writes both files of a fold, once, when the first of them is needed. */
function onceWritten(fold: StageFold, folder: string): () => Promise<void> {
  let writing: Promise<void> | null = null;
  const write = async () => {
    await makeFolder(dirname(join(folder, fold.files.onnxFile)));
    await fold.write(folder, () => {});
  };
  return () => {
    writing ??= write();
    return writing;
  };
}

function addKnown(
  known: Map<string, KnownFile>,
  { files: { onnxFile, weightsFile } }: StageFold,
  { digests, write }: { readonly digests: NetworkDigests; readonly write: () => Promise<void> },
): void {
  known.set(onnxFile, { sha256: digests.onnx, write });
  if (weightsFile !== null) known.set(weightsFile, { sha256: digests.weights, write });
}

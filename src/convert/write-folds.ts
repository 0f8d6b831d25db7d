import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ProcessorError } from "../../processor/errors.js";
import { filesOfFold } from "../../processor/model/fold-files.js";
import type { ModelManifest } from "../../processor/model/manifest.js";
import type { Progress } from "../../processor/progress/progress.js";
import type { KnownFile } from "../image/image-plan.js";
import type { NetworkDigests } from "../onnx/write-network.js";
import { type ConversionMemo, recallFold } from "./conversion-memo.js";
import type { StageFold } from "./read-stages.js";

export interface WriteFoldsOptions {
  /** Where the folder will lie when it is complete. */
  readonly outputDir: string;
  readonly memo?: ConversionMemo;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface WrittenFolds {
  /** Below the folder: those that are there, or that `known` can write. */
  readonly files: ReadonlySet<string>;
  /** With a memo: files whose bytes are known. */
  readonly known: ReadonlyMap<string, KnownFile>;
}

/**
 * Writes folds into `folder`, but not those whose bytes the memo knows.
 *
 * @throws INTERRUPTED, CHECKPOINT_*
 */
export async function writeFolds(
  folds: readonly StageFold[],
  folder: string,
  { outputDir, memo, progress, signal }: WriteFoldsOptions,
): Promise<WrittenFolds> {
  const written = new Map<StageFold, NetworkDigests | null>();
  const known = new Map<string, KnownFile>();
  const due: StageFold[] = [];
  for (const fold of folds) {
    const digests = memo && fold.memoKey !== null ? await recallFold(memo, fold.memoKey) : null;
    if (digests === null) due.push(fold);
    else {
      written.set(fold, digests);
      addKnown(known, fold, { digests, write: onceWritten(fold, outputDir) });
    }
  }
  const total = due.reduce((sum, { bytes }) => sum + bytes, 0);
  const task = progress.start({ label: "converting the weights", total, unit: "bytes" });
  try {
    for (const fold of due) {
      await mkdir(dirname(join(folder, fold.files.onnxFile)), { recursive: true });
      const digests = await fold.write(folder, (bytes) => {
        if (signal?.aborted) throw new ProcessorError("INTERRUPTED", "the conversion was stopped");
        task.advance(bytes);
      });
      written.set(fold, digests);
      if (memo === undefined || digests === null) continue;
      addKnown(known, fold, { digests, write: async () => {} });
      if (fold.memoKey !== null) await memo.remember(fold.memoKey, digests);
    }
  } finally {
    task.done();
  }
  return { files: new Set(folds.flatMap((fold) => writtenFiles(fold, written.get(fold) ?? null))), known };
}

/** A model's part of the manifest without float16 graphs that could not be written. */
export function asWritten(model: ModelManifest, written: ReadonlySet<string>): ModelManifest {
  const { previousStage } = model;
  const earlier = previousStage?.model ?? null;
  return {
    ...model,
    folds: model.folds.map((fold) => {
      const hasGpuGraph = fold.gpuOnnxFile !== null && written.has(fold.gpuOnnxFile);
      return hasGpuGraph ? fold : { ...fold, gpuOnnxFile: null };
    }),
    previousStage:
      previousStage === null || earlier === null
        ? previousStage
        : { ...previousStage, model: asWritten(earlier, written) },
  };
}

const writtenFiles = ({ files }: StageFold, digests: NetworkDigests | null): readonly string[] =>
  filesOfFold(digests?.gpuOnnx ? files : { ...files, gpuOnnxFile: null });

/** All files of a fold are written together, when the first of them is needed. */
function onceWritten(fold: StageFold, folder: string): () => Promise<void> {
  let writing: Promise<void> | null = null;
  const write = async () => {
    await mkdir(dirname(join(folder, fold.files.onnxFile)), { recursive: true });
    await fold.write(folder, () => {});
  };
  return () => {
    writing ??= write();
    return writing;
  };
}

function addKnown(
  known: Map<string, KnownFile>,
  { files: { onnxFile, weightsFile, gpuOnnxFile } }: StageFold,
  { digests, write }: { readonly digests: NetworkDigests; readonly write: () => Promise<void> },
): void {
  const { onnx, weights, gpuOnnx } = digests;
  known.set(onnxFile, { sha256: onnx, write });
  if (weightsFile !== null) known.set(weightsFile, { sha256: weights, write });
  if (gpuOnnxFile !== null && gpuOnnx !== null) known.set(gpuOnnxFile, { sha256: gpuOnnx, write });
}

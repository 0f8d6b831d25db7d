import { randomBytes } from "node:crypto";
import { copyFile, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ProcessorError } from "../processor/errors.js";
import type {
  FoldFiles,
  ModelManifest,
  ProcessorManifest,
  RuntimeSettings,
} from "../processor/model/manifest.js";
import type { Progress } from "../processor/progress/progress.js";
import { networkOfPlans } from "./checkpoint/network-of-plans.js";
import {
  channelNames,
  headCount,
  inferencePlan,
  labelDefinition,
  resolveConfiguration,
} from "./checkpoint/plans.js";
import { readTrainedNetwork, type TrainedNetwork } from "./checkpoint/trained-network.js";
import { readJson } from "./model-source/find-model.js";
import type { TrainedModel } from "./model-source/trained-model.js";
import { buildNetwork } from "./onnx/build-network.js";
import type { OnnxGraph } from "./onnx/onnx-graph.js";
import { weightBytes, writeNetwork } from "./onnx/write-network.js";

export interface ConvertOptions {
  readonly model: TrainedModel;
  readonly settings: RuntimeSettings;
  /** Must not exist, unless `overwrite`. */
  readonly outputDir: string;
  readonly overwrite?: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** A converted folder: what the processor needs, and nothing else. */
export interface ConvertedModel {
  readonly folder: string;
  readonly manifest: ProcessorManifest;
  /** Below the folder. */
  readonly files: readonly string[];
}

/**
 * PyTorch → ONNX: reads plans, dataset and checkpoints as data, writes `manifest.json`, and `fold_k.onnx` with
 * `fold_k.weights` for each fold. The folder appears under its name only when it is complete.
 */
export async function convertModel(options: ConvertOptions): Promise<ConvertedModel> {
  const { model, outputDir } = options;
  if (options.overwrite !== true && (await stat(outputDir).catch(() => null)) !== null) {
    throw new ProcessorError("OUTPUT_EXISTS", `${outputDir} exists already`);
  }
  const partial = join(
    dirname(outputDir),
    `.${basename(outputDir)}.partial-${randomBytes(4).toString("hex")}`,
  );
  try {
    await mkdir(partial, { recursive: true });
    const manifest = await convertInto(partial, options);
    for (const name of ["plans.json", "dataset.json"])
      await copyFile(join(model.folder, name), join(partial, name));
    await writeFile(join(partial, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    if (options.overwrite === true) await rm(outputDir, { recursive: true, force: true });
    await rename(partial, outputDir);
    const folds = manifest.models.flatMap(({ folds }) =>
      folds.flatMap((fold) => [fold.weightsFile, fold.onnxFile]),
    );
    return { folder: outputDir, manifest, files: [...folds, "plans.json", "dataset.json", "manifest.json"] };
  } catch (error) {
    throw machineError(error, outputDir);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function convertInto(folder: string, options: ConvertOptions): Promise<ProcessorManifest> {
  const { model, settings, progress, signal } = options;
  const plansPath = join(model.folder, "plans.json");
  const datasetPath = join(model.folder, "dataset.json");
  const dataset = await readJson(datasetPath);
  const resolved = resolveConfiguration(plansPath, await readJson(plansPath), model.configuration);
  const labels = labelDefinition(datasetPath, dataset);
  const channels = channelNames(datasetPath, dataset);
  const previous = resolved.configuration["previous_stage"];
  const description = networkOfPlans(resolved, {
    input: channels.length + (typeof previous === "string" ? labels.foregroundLabels.length : 0),
    output: headCount(labels),
  });

  const folds: FoldFiles[] = [];
  let first: { readonly network: TrainedNetwork; readonly graph: OnnxGraph } | undefined;
  for (const { fold, checkpointFile } of model.folds) {
    const network = await readTrainedNetwork(checkpointFile);
    const graph = buildNetwork(description, network.shapes);
    first ??= { network, graph };
    const files = { fold, onnxFile: `fold_${fold}.onnx`, weightsFile: `fold_${fold}.weights` };
    const task = progress.start({
      label: `converting fold ${fold}`,
      total: weightBytes(graph),
      unit: "bytes",
    });
    await writeNetwork({
      graph,
      tensors: network.tensors,
      checkpointFile,
      onnxFile: join(folder, files.onnxFile),
      weightsFile: join(folder, files.weightsFile),
      onBytes: (count) => task.advance(count),
      ...(signal === undefined ? {} : { signal }),
    });
    task.done();
    folds.push(files);
  }

  const manifest: ModelManifest = {
    configuration: model.configuration,
    nnunetVersion: 2,
    trainer: first!.network.trainer,
    plansName: String(resolved.plans["plans_name"] ?? "nnUNetPlans"),
    datasetName: model.datasetName,
    checkpointName: model.checkpointName,
    channelNames: channels,
    labels,
    plan: inferencePlan(resolved, dataset, first!.network.mirrorAxes),
    network: {
      architecture: description.className,
      inputChannels: description.inputChannels,
      outputChannels: description.outputChannels,
      parameters: weightBytes(first!.graph) / 4,
    },
    folds,
    previousStage: typeof previous === "string" ? { configuration: previous, model: null } : null,
  };
  return { manifestVersion: 1, task: model.task, settings, models: [manifest] };
}

/** The disk's own errors, as mistakes that a user can mend. */
function machineError(error: unknown, place: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === "ENOSPC")
    return new ProcessorError("DISK_FULL", `no space left while writing ${place}`, { cause: error });
  if (code === "EACCES" || code === "EROFS" || code === "EPERM") {
    return new ProcessorError("OUTPUT_UNWRITABLE", `${place} cannot be written (${code})`, { cause: error });
  }
  return error;
}

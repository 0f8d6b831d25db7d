import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ProcessorError } from "../processor/errors.js";
import type {
  FoldFiles,
  ModelManifest,
  ProcessorManifest,
  RuntimeSettings,
} from "../processor/model/manifest.js";
import type { Progress } from "../processor/progress/progress.js";
import type { ModelDescription } from "./checkpoint/model-description.js";
import { describeModel, readWeights } from "./checkpoint/nnunet-formats.js";
import type { TrainedModel } from "./model-source/trained-model.js";
import { type BuiltNetwork, buildNetwork } from "./onnx/build-network.js";
import { writeConvertedFolder } from "./onnx/converted-folder.js";
import { weightBytes, writeNetwork } from "./onnx/write-network.js";

export interface ConvertOptions {
  readonly model: TrainedModel;
  readonly settings: RuntimeSettings;
  /** Must not exist or be empty, unless `overwrite`. Appears only when everything in it is complete. */
  readonly outputDir: string;
  /** Whether an earlier conversion in `outputDir` may be replaced. */
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
 * `fold_k.weights` for each fold. The same model gives the same bytes.
 *
 * @throws TENSOR_MISMATCH, CHECKPOINT_*, PLANS_UNSUPPORTED, ARCHITECTURE_UNKNOWN, MODEL_FILE_INVALID, OUTPUT_EXISTS,
 * OUTPUT_UNWRITABLE, DISK_FULL, INTERRUPTED
 */
export async function convertModel(options: ConvertOptions): Promise<ConvertedModel> {
  const { model, outputDir, settings } = options;
  const description = await describeModel(model);
  const networks = await readNetworks(model, description);
  const manifest = describe(model, description, { networks, settings });
  const companions = description.companionFiles.map((file) => ({ file, name: basename(file) }));
  await writeConvertedFolder({ outputDir, overwrite: options.overwrite ?? false }, async (folder) => {
    await writeFolds(networks, folder, options);
    for (const { file, name } of companions) await writeFile(join(folder, name), await readFile(file));
    await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  });
  const folds = networks.map(({ fold }) => foldFiles(fold));
  return {
    folder: outputDir,
    manifest,
    files: [
      ...folds.flatMap(({ weightsFile, onnxFile }) => [weightsFile, onnxFile]),
      ...companions.map(({ name }) => name),
      "manifest.json",
    ],
  };
}

interface FoldNetwork {
  readonly fold: string;
  readonly network: BuiltNetwork;
}

/** Everything that can be wrong with the weights shows here, before anything is written. */
async function readNetworks(
  model: TrainedModel,
  { network: plan }: ModelDescription,
): Promise<FoldNetwork[]> {
  const networks: FoldNetwork[] = [];
  for (const fold of model.folds) {
    const weights = await readWeights(model.nnunetVersion, fold);
    networks.push({ fold: fold.fold, network: buildNetwork({ plan, weights, source: fold.checkpointFile }) });
  }
  return networks;
}

async function writeFolds(
  networks: readonly FoldNetwork[],
  folder: string,
  { progress, signal }: ConvertOptions,
): Promise<void> {
  const total = networks.reduce((sum, { network }) => sum + weightBytes(network.graph), 0);
  const task = progress.start({ label: "converting the weights", total, unit: "bytes" });
  try {
    for (const { fold, network } of networks) {
      const { onnxFile, weightsFile } = foldFiles(fold);
      await writeNetwork({
        graph: network.graph,
        onnxFile: join(folder, onnxFile),
        weightsFile: join(folder, weightsFile),
        onBytes: (bytes) => {
          if (signal?.aborted) throw new ProcessorError("INTERRUPTED", "the conversion was stopped");
          task.advance(bytes);
        },
      });
    }
  } finally {
    task.done();
  }
}

const foldFiles = (fold: string): FoldFiles => ({
  fold,
  onnxFile: `fold_${fold}.onnx`,
  weightsFile: `fold_${fold}.weights`,
});

interface ManifestParts {
  readonly networks: readonly FoldNetwork[];
  readonly settings: RuntimeSettings;
}

function describe(
  model: TrainedModel,
  description: ModelDescription,
  { networks, settings }: ManifestParts,
): ProcessorManifest {
  const { network, previousStage } = description;
  const manifest: ModelManifest = {
    configuration: description.configuration,
    nnunetVersion: model.nnunetVersion,
    trainer: description.trainer,
    plansName: description.plansName,
    datasetName: model.datasetName,
    checkpointName: model.checkpointName,
    channelNames: description.channelNames,
    labels: description.labels,
    plan: description.plan,
    network: {
      architecture: network.architecture,
      inputChannels: network.inputChannels,
      outputChannels: network.outputChannels,
      parameters: networks[0]?.network.parameters ?? 0,
    },
    folds: networks.map(({ fold }) => foldFiles(fold)),
    previousStage: previousStage === null ? null : { configuration: previousStage, model: null },
  };
  return { manifestVersion: 1, task: model.task, settings, models: [manifest] };
}

import { copyFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { FoldFiles, NetworkFacts } from "../../processor/contract/manifest.js";
import type { TrainingFacts } from "../checkpoint/model-description.js";
import { describeModel } from "../checkpoint/nnunet-formats.js";
import { builderError } from "../errors/builder-errors.js";
import type { ModelMember } from "../models/model-set.js";
import type { TrainedModel } from "../network/trained-model.js";
import type { AveragedAnswer } from "../onnx/gpu-graph.js";
import type { OnnxModel } from "../onnx/read-onnx.js";
import { type FoldGraph, writeGpuGraph } from "../onnx/write-gpu-graph.js";
import { type NetworkDigests, weightBytes, writeNetwork } from "../onnx/write-network.js";
import { conversionKey } from "./conversion-memo.js";
import { describeOnnxModel } from "./describe-onnx-model.js";
import { foldNetwork } from "./fold-network.js";

/** One trained configuration, read and checked, and where it goes. */
export interface Stage {
  readonly model: TrainedModel;
  readonly description: TrainingFacts;
  readonly network: NetworkFacts;
  /** Folder below the converted one, with a slash at its end; empty when it is the only stage. */
  readonly prefix: string;
  readonly folds: readonly StageFold[];
  /** All folds in float16, when that holds their weights; null for networks of one's own. */
  readonly gpuGraph: StageGpuGraph | null;
}

/** A graph for GPUs that waits to be written. */
export interface StageGpuGraph {
  /** Below the converted folder. */
  readonly file: string;
  /** @param folder the converted one */
  write(folder: string): Promise<void>;
}

/** One fold that waits to be written. */
export interface StageFold {
  /** `gpuOnnxFile` is written only where float16 holds all weights, which the written ones tell. */
  readonly files: FoldFiles;
  readonly bytes: number;
  /** What the written bytes depend on; null where that can't be told, or is not worth it. */
  readonly memoKey: string | null;
  /**
   * @param folder the converted one; the folders of `files` are there
   * @returns null for files that are taken as they are
   */
  write(folder: string, onBytes: (bytes: number) => void): Promise<NetworkDigests | null>;
}

export interface StageTable {
  /** Each once, in the order in which they run. */
  readonly all: readonly Stage[];
  of(model: TrainedModel): Stage;
}

/** Everything that can be wrong with plans or weights shows here, before anything is written. */
export async function readStages(members: readonly ModelMember[]): Promise<StageTable> {
  const models = new Map<string, TrainedModel>();
  for (const { model, previousStage } of members) {
    if (previousStage !== null) models.set(keyOf(previousStage), previousStage);
    models.set(keyOf(model), model);
  }
  const stages = new Map<string, Stage>();
  const taken = new Set<string>();
  for (const [key, model] of models) {
    const prefix = models.size === 1 ? "" : `${freeName(model.configuration, taken)}/`;
    stages.set(key, await (model.networkFormat === "onnx" ? onnxStage : checkpointStage)(model, prefix));
  }
  return { all: [...stages.values()], of: (model) => stages.get(keyOf(model))! };
}

/** The same checkpoints of the same folder are one stage, wherever they are used. */
const keyOf = ({ folds }: TrainedModel): string =>
  folds.map(({ checkpointFile }) => checkpointFile).join("\n");

/** `3d_fullres`, or `3d_fullres-2` for another one. */
function freeName(configuration: string, taken: Set<string>): string {
  const base = configuration.replace(/[^A-Za-z0-9_.-]+/g, "-");
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}-${i}`;
  taken.add(name);
  return name;
}

async function checkpointStage(model: TrainedModel, prefix: string): Promise<Stage> {
  const described = await describeModel(model);
  const { network: plan, ...description } = described;
  const folds: StageFold[] = [];
  const graphs: FoldGraph[] = [];
  let parameters = 0;
  for (const fold of model.folds) {
    const built = await foldNetwork(model, described, fold);
    parameters ||= built.parameters;
    const onnxFile = `${prefix}fold_${fold.fold}.onnx`;
    const weightsFile = `${prefix}fold_${fold.fold}.weights`;
    graphs.push({ graph: built.graph, weightsFile: basename(weightsFile) });
    folds.push({
      files: { fold: fold.fold, onnxFile, weightsFile },
      bytes: weightBytes(built.graph),
      memoKey: await conversionKey({
        file: fold.range?.file ?? fold.checkpointFile,
        range: fold.range ?? null,
        plan,
      }),
      write: (folder, onBytes) =>
        writeNetwork({
          graph: built.graph,
          onnxFile: join(folder, onnxFile),
          weightsFile: join(folder, weightsFile),
          onBytes,
        }),
    });
  }
  const { architecture, inputChannels, outputChannels } = plan;
  const network = { architecture, inputChannels, outputChannels, parameters, maximumBatch: null };
  const gpuOnnxFile = `${prefix}network.gpu.onnx`;
  const gpuGraph = {
    file: gpuOnnxFile,
    write: (folder: string) => writeGpuGraph(graphs, averagedAnswer(description), join(folder, gpuOnnxFile)),
  };
  return { model, description, network, prefix, folds, gpuGraph };
}

function averagedAnswer({ plan, labels }: TrainingFacts): AveragedAnswer {
  if (plan.averaging === "logits") return "logits";
  return labels.regionsClassOrder === null ? "softmax" : "sigmoid";
}

async function onnxStage(model: TrainedModel, prefix: string): Promise<Stage> {
  const { network, files, ...description } = await describeOnnxModel(model);
  return {
    model,
    description,
    network,
    prefix,
    folds: files.map((file, i) => onnxFold(file, String(i), prefix)),
    gpuGraph: null,
  };
}

/** An ONNX file names its weights file, so that both keep their names' relation in a folder of their own. */
function onnxFold(onnx: OnnxModel, fold: string, prefix: string): StageFold {
  const [weights, ...further] = onnx.externalFiles;
  if (further.length > 0 || weights?.location.includes("/"))
    throw builderError(
      "ONNX_MISMATCH",
      `${onnx.file} keeps its weights in ${onnx.externalFiles.map(({ location }) => location).join(", ")}; save it with one file beside it`,
    );
  const source = weights === undefined ? null : join(onnx.file, "..", weights.location);
  const onnxFile = source === null ? `${prefix}fold_${fold}.onnx` : `${prefix}fold_${fold}/network.onnx`;
  const weightsFile = source === null ? null : `${prefix}fold_${fold}/${weights!.location}`;
  const bytes = onnx.parameters * 4;
  return {
    files: { fold, onnxFile, weightsFile },
    bytes,
    memoKey: null,
    async write(folder, onBytes) {
      await copyFile(onnx.file, join(folder, onnxFile));
      if (source !== null && weightsFile !== null) await copyFile(source, join(folder, weightsFile));
      onBytes(bytes);
      return null;
    },
  };
}

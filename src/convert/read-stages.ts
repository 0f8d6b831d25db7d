import { copyFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { FoldFiles, NetworkFacts } from "../../processor/contract/manifest.js";
import { mapInOrder, mapNonEmpty, type NonEmpty } from "../../processor/contract/non-empty.js";
import type { TrainingFacts } from "../checkpoint/model-description.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { describeModel } from "../checkpoint/nnunet-formats.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { ModelMember } from "../models/model-set.js";
import type { AveragedOutput } from "../onnx/gpu-graph.js";
import type { OnnxModel } from "../onnx/read-onnx.js";
import { type FoldGraph, writeGpuGraph } from "../onnx/write-gpu-graph.js";
import { type NetworkDigests, weightBytes, writeNetwork, writeOpenvinoGraph } from "../onnx/write-network.js";
import { conversionKey } from "./conversion-memo.js";
import type { ConvertFormat } from "./convert-format.js";
import type { GraphForm } from "./converted-networks.js";
import { describeOnnxModel } from "./describe-onnx-model.js";
import { foldNetwork } from "./fold-network.js";
import { type FolderLayout, layoutOf, type StageLayout } from "./folder-layout.js";

/** A validated stage (one trained configuration) and its place in the converted folder. */
export interface Stage {
  readonly model: TrainedModel;
  readonly description: TrainingFacts;
  readonly network: NetworkFacts;
  /** Folder of the stage in the converted folder, with a slash at the end; empty if it is the only stage. */
  readonly prefix: string;
  readonly folds: NonEmpty<StageFold>;
  /**
   * The graph of all folds in float16, if float16 can represent their weights; null for ONNX files of the
   * model's owner.
   */
  readonly gpuGraph: SmallGraph | null;
}

/** A graph without weights of its own, ready to be written. */
export interface SmallGraph {
  /** Path relative to the converted folder. */
  readonly file: string;
  /** @param folder the converted folder */
  write(folder: string): Promise<void>;
}

/** A fold that is ready to be written. */
export interface StageFold {
  /**
   * `gpuOnnxFile` is written only if float16 can represent all weights, which is known after the weights are
   * written.
   */
  readonly files: FoldFiles;
  readonly form: GraphForm;
  /** The form of the network for OpenVINO, next to the one for ONNX Runtime; null if it is not written. */
  readonly plainGraph: SmallGraph | null;
  readonly bytes: number;
  /**
   * The memo's key for the written bytes; null if there is no reliable key or the fold is not worth
   * remembering.
   */
  readonly memoKey: string | null;
  /**
   * @param folder the converted folder, in which the folders of `files` exist
   * @returns null for files that are copied unchanged
   */
  write(folder: string, onBytes: (bytes: number) => void): Promise<NetworkDigests | null>;
}

export interface StageTable {
  /** All stages without duplicates, in the order in which they run. */
  readonly all: readonly Stage[];
  of(model: TrainedModel): Stage;
}

/**
 * Reads and validates all stages. Every error in plans or weights is reported here, before anything is
 * written.
 */
export async function readStages(
  members: readonly ModelMember[],
  format: ConvertFormat,
): Promise<StageTable> {
  const models = new Map<string, TrainedModel>();
  for (const { model, previousStage } of members) {
    if (previousStage !== null) models.set(keyOf(previousStage), previousStage);
    models.set(keyOf(model), model);
  }
  const stages = new Map<string, Stage>();
  const layout = layoutOf(format, models.size);
  for (const [key, model] of models) {
    const read = model.networkFormat === "onnx" ? onnxStage : checkpointStage;
    stages.set(key, await read(model, layout.stage(model), layout));
  }
  return { all: [...stages.values()], of: (model) => stages.get(keyOf(model))! };
}

/**
 * Returns the key of a stage: the same checkpoints in the same folder are one stage, even if several members
 * use them.
 */
const keyOf = ({ folds }: TrainedModel): string =>
  folds.map(({ checkpointFile }) => checkpointFile).join("\n");

async function checkpointStage(
  model: TrainedModel,
  { prefix, foldPath }: StageLayout,
  layout: FolderLayout,
): Promise<Stage> {
  const described = await describeModel(model);
  const { network: plan, ...description } = described;
  const graphs: FoldGraph[] = [];
  let parameters = 0;
  const folds = await mapInOrder(model.folds, async (fold): Promise<StageFold> => {
    const built = await foldNetwork(model, described, fold);
    parameters ||= built.parameters;
    const onnxFile = `${foldPath(fold.fold)}.onnx`;
    const weightsFile = `${foldPath(fold.fold)}.weights`;
    // The form for CPUs of a 2-D network is the plain one.
    const form = built.graph.input.shape.length === 5 ? layout.form : "plain";
    const plainFile = `${foldPath(fold.fold)}.plain.onnx`;
    const hasPlainGraph = layout.hasPlainGraphs && form === "cpu";
    graphs.push({ graph: built.graph, weightsFile: basename(weightsFile) });
    return {
      files: {
        fold: fold.fold,
        onnxFile,
        weightsFile,
        plainOnnxFile: hasPlainGraph ? plainFile : form === "plain" ? onnxFile : null,
      },
      form,
      plainGraph: hasPlainGraph
        ? {
            file: plainFile,
            write: (folder) =>
              writeOpenvinoGraph(built.graph, join(folder, plainFile), basename(weightsFile)),
          }
        : null,
      bytes: weightBytes(built.graph),
      memoKey: await conversionKey({
        file: fold.range?.file ?? fold.checkpointFile,
        range: fold.range,
        plan,
      }),
      write: (folder, onBytes) =>
        writeNetwork({
          graph: built.graph,
          form: layout.form,
          onnxFile: join(folder, onnxFile),
          weightsFile: join(folder, weightsFile),
          onBytes,
        }),
    };
  });
  const { architecture, inputChannels, outputChannels } = plan;
  const network = { architecture, inputChannels, outputChannels, parameters, maximumBatch: null };
  const gpuOnnxFile = `${prefix}network.gpu.onnx`;
  const gpuGraph = {
    file: gpuOnnxFile,
    write: (folder: string) => writeGpuGraph(graphs, averagedOutput(description), join(folder, gpuOnnxFile)),
  };
  return { model, description, network, prefix, folds, gpuGraph: layout.hasGpuGraphs ? gpuGraph : null };
}

/** What nnU-Net averages over folds and mirrorings. */
export function averagedOutput({ plan, labels }: Pick<TrainingFacts, "plan" | "labels">): AveragedOutput {
  if (plan.averaging === "logits") return "logits";
  return labels.regionsClassOrder === null ? "softmax" : "sigmoid";
}

async function onnxStage(model: TrainedModel, layout: StageLayout): Promise<Stage> {
  const { network, files, ...description } = await describeOnnxModel(model);
  return {
    model,
    description,
    network,
    prefix: layout.prefix,
    folds: mapNonEmpty(files, (file, i) => onnxFold(file, String(i), layout)),
    gpuGraph: null,
  };
}

/**
 * Keeps the file names, because an ONNX file refers to its weights file by name, and puts them in a separate
 * folder.
 */
function onnxFold(onnx: OnnxModel, fold: string, { ownNetwork }: StageLayout): StageFold {
  const [weights, ...further] = onnx.externalFiles;
  if (further.length > 0 || weights?.location.includes("/"))
    throw builderError(
      "ONNX_MISMATCH",
      `${onnx.file} keeps its weights in ${onnx.externalFiles.map(({ location }) => location).join(", ")}; save it with one weights file next to it`,
    );
  const source = weights === undefined ? null : join(onnx.file, "..", weights.location);
  const onnxFile = ownNetwork(fold, source !== null);
  const weightsFile = source === null ? null : `${dirname(onnxFile)}/${weights!.location}`;
  const bytes = onnx.parameters * 4;
  return {
    files: { fold, onnxFile, weightsFile, plainOnnxFile: onnxFile },
    form: "own",
    plainGraph: null,
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

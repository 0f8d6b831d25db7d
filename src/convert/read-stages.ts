import type { ModelDescription } from "../checkpoint/model-description.js";
import { describeModel, readWeights } from "../checkpoint/nnunet-formats.js";
import type { ModelMember } from "../model-source/model-set.js";
import type { TrainedModel } from "../model-source/trained-model.js";
import { type BuiltNetwork, buildNetwork } from "../onnx/build-network.js";

/** One trained configuration, read and checked, and where it goes. */
export interface Stage {
  readonly model: TrainedModel;
  readonly description: ModelDescription;
  readonly networks: readonly FoldNetwork[];
  /** Folder below the converted one, with a slash at its end; empty when it is the only stage. */
  readonly prefix: string;
  readonly files: readonly WrittenFold[];
}

export interface FoldNetwork {
  readonly fold: string;
  readonly network: BuiltNetwork;
}

export interface WrittenFold {
  readonly fold: string;
  readonly onnxFile: string;
  readonly weightsFile: string;
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
    stages.set(key, await readStage(model, prefix));
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

async function readStage(model: TrainedModel, prefix: string): Promise<Stage> {
  const description = await describeModel(model);
  const networks: FoldNetwork[] = [];
  for (const fold of model.folds) {
    const weights = await readWeights(model.nnunetVersion, fold);
    const source = fold.checkpointFile;
    networks.push({
      fold: fold.fold,
      network: buildNetwork({ plan: description.network, weights, source }),
    });
  }
  const files = model.folds.map(({ fold }) => foldFiles(fold, prefix));
  return { model, description, networks, prefix, files };
}

export const foldFiles = (fold: string, prefix: string): WrittenFold => ({
  fold,
  onnxFile: `${prefix}fold_${fold}.onnx`,
  weightsFile: `${prefix}fold_${fold}.weights`,
});

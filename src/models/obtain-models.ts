import { basename, resolve } from "node:path";
import { isNonEmpty, mapInOrder, type NonEmpty } from "../../processor/contract/non-empty.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import type { TrainingFacts } from "../checkpoint/model-description.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { describeModel } from "../checkpoint/nnunet-formats.js";
import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { describeOnnxModel } from "../convert/describe-onnx-model.js";
import { namingArchives } from "../ground/archive/archive-tree.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { findOnnxModel } from "./find-onnx-model.js";
import { findPreviousStage, firstStagesOfV1, previousStageQuery } from "./find-previous-stage.js";
import type { ModelQuery, PlacedQuery } from "./model-query.js";
import type { ModelMember, ModelSet, PostProcessingChoice } from "./model-set.js";
import { trainedModel } from "./obtain-model.js";
import { taskIdentity } from "./task-identity.js";
import type { WorkContext } from "./work-context.js";

export interface ModelSetOptions {
  /** One entry for each model whose predictions are averaged. */
  readonly members: readonly PlacedQuery[];
  /** ONNX files instead of the checkpoints of a single member; null for none. */
  readonly onnxFiles: readonly string[] | null;
  /** The folder or source of a cascade's earlier stage; null if it is next to the second one. */
  readonly previousStage: string | null;
  /** True if a missing earlier stage is an error; otherwise its segmentations are given at run time. */
  readonly needsPreviousStage: boolean;
  readonly postProcessing: PostProcessingChoice;
}

/**
 * Finds all models of a run or an image, and the earlier stages of cascades among them.
 *
 * @throws what `findModel` throws, PREVIOUS_STAGE_UNKNOWN
 */
export async function trainedModels(options: ModelSetOptions, work: WorkContext): Promise<ModelSet> {
  const { members, onnxFiles } = options;
  if (!isNonEmpty(members)) throw sharedError("USAGE", "no model is named");
  const found: NonEmpty<FoundModel> =
    onnxFiles === null
      ? await mapInOrder(members, async (member) => ({
          model: await trainedModel(member, work),
          askedFolds: member.folds,
        }))
      : [{ model: await onnxModel(members, onnxFiles, work), askedFolds: members[0].folds }];
  return modelSetOf(found, options, work);
}

function onnxModel(
  [member, ...others]: NonEmpty<PlacedQuery>,
  onnxFiles: readonly string[],
  { currentDirectory }: WorkContext,
): Promise<TrainedModel> {
  if (others.length > 0)
    throw sharedError("USAGE", "ONNX files replace the checkpoints of one model, but an ensemble was named");
  const absolute = (path: string) => resolve(currentDirectory, path);
  return findOnnxModel(absolute(member.modelDir), onnxFiles.map(absolute), member);
}

/** A model of a query. */
export interface FoundModel {
  readonly model: TrainedModel;
  /** The folds that the query names; empty for all. A cascade's earlier stage uses them, too. */
  readonly askedFolds: readonly string[];
}

/** Adds earlier stages and post-processing to models that were found before. */
export async function modelSetOf(
  models: NonEmpty<FoundModel>,
  options: Omit<ModelSetOptions, "members" | "onnxFiles">,
  work: WorkContext,
): Promise<ModelSet> {
  const members: NonEmpty<ModelMember> = await mapInOrder(withFoldsApart(models), async (found) => ({
    model: found.model,
    previousStage: await previousStageOf(found, options, work),
  }));
  if (options.previousStage !== null && members.every(({ previousStage }) => previousStage === null))
    throw sharedError(
      "USAGE",
      `${options.previousStage} was named as the previous stage, but ${models.map(({ model }) => model.configuration).join(" and ")} does not need one: only the second stage of a cascade does`,
    );
  return { members, totalsegmentator: null, postProcessing: options.postProcessing };
}

/** Makes each fold of NVIDIA's nnU-Net a model of its own, because NVIDIA averages the probabilities of folds, not logits. */
function withFoldsApart(models: NonEmpty<FoundModel>): NonEmpty<FoundModel> {
  const [first, ...others] = models.flatMap(({ model, askedFolds }): readonly FoundModel[] =>
    model.nvidia === null
      ? [{ model, askedFolds }]
      : model.folds.map((fold) => ({
          model: { ...model, folds: [fold], checkpointName: basename(fold.checkpointFile) },
          askedFolds,
        })),
  );
  return [first!, ...others];
}

async function previousStageOf(
  { model, askedFolds }: FoundModel,
  { previousStage, needsPreviousStage }: Omit<ModelSetOptions, "members" | "onnxFiles">,
  work: WorkContext,
): Promise<TrainedModel | null> {
  const describe: (of: TrainedModel) => Promise<TrainingFacts> =
    model.networkFormat === "onnx" ? describeOnnxModel : describeModel;
  const { previousStage: configuration } = await namingArchives([model.tree], () => describe(model));
  if (configuration === null) return null;
  if (previousStage !== null)
    return trainedModel(
      { ...previousStageQuery(model, configuration, askedFolds), modelDir: previousStage },
      work,
    );
  const found = await namingArchives([model.tree], () => findPreviousStage(model, configuration));
  if (found !== null || !needsPreviousStage) return found;
  const several = model.nnunetVersion === 1 ? await firstStagesOfV1(model, configuration) : [];
  const reason =
    several.length > 1
      ? `of which there are several: ${several.map((folder) => basename(folder)).join(", ")}`
      : "which is not next to it";
  throw builderError(
    "PREVIOUS_STAGE_UNKNOWN",
    `${model.tree?.address ?? model.folder}: ${model.configuration} continues ${configuration}, ${reason}`,
  );
}

/** Models that a command line or a program names. */
export interface NamedModels {
  readonly modelDirs: readonly string[];
  readonly task: string | null;
  /** Null to use the only one in the folder. */
  readonly configurations: readonly string[] | null;
  readonly checkpointName: string | null;
  /** Empty to use every fold with the checkpoint. */
  readonly folds: readonly string[];
  /** What is said about a model of NVIDIA's nnU-Net; null for nothing. */
  readonly nvidia: NvidiaOptions | null;
}

/**
 * Combines every named folder with every named configuration. Several members form an ensemble.
 *
 * @throws USAGE if a folder or configuration is named twice
 */
export function membersOf(named: NamedModels): readonly PlacedQuery[] {
  const { modelDirs, task, configurations, checkpointName, folds, nvidia } = named;
  for (const names of [modelDirs, configurations ?? []]) {
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw sharedError("USAGE", `${twice} is named twice`);
  }
  return modelDirs.flatMap((modelDir) =>
    (configurations ?? [null]).map((configuration) => ({
      modelDir,
      ...taskOf(task),
      configuration,
      checkpointName,
      folds,
      nvidia,
    })),
  );
}

/** Parses `4`, `Hippocampus` or `Task004_Hippocampus`. */
export function taskOf(task: string | null): Pick<ModelQuery, "taskId" | "taskName"> {
  if (task === null) return { taskId: null, taskName: null };
  if (/^\d+$/.test(task)) return { taskId: Number(task), taskName: null };
  const { id, name } = taskIdentity(task);
  return { taskId: id, taskName: name };
}

/** Parses `auto`, `off` or a file, as in flags and config.json. */
export function postProcessingChoice(value: string, folder: string): PostProcessingChoice {
  if (value === "auto") return { kind: "models" };
  if (value === "off") return { kind: "none" };
  return { kind: "file", file: resolve(folder, value) };
}

import { basename, relative, sep } from "node:path";
import type { ModelDescription, TrainingFacts } from "../checkpoint/model-description.js";
import { defaultCheckpoint } from "../checkpoint/network/default-checkpoint.js";
import type { ModelFolder, TrainedModel } from "../checkpoint/network/trained-model.js";
import { describeModel, describeTraining, identifyModel } from "../checkpoint/nnunet-formats.js";
import { foldNetwork } from "../convert/fold-network.js";
import { namingArchives } from "../ground/archive/archive-tree.js";
import type { ModelSource, SourceFile } from "../model-source/model-source.js";
import type { SourceContext } from "../model-source/open-model-source.js";
import { findModelFolders } from "../models/find-model-folders.js";
import { presentFolds } from "../models/folds.js";
import { type LocalModel, modelTree } from "../models/model-folder.js";
import { taskIdentity } from "../models/task-identity.js";
import { checkpointParameters } from "./inspect-checkpoint.js";
import type {
  ConfigurationInspection,
  FoldInspection,
  ModelsInspection,
  NetworkInspection,
  Problem,
} from "./inspection.js";
import { asProblem } from "./problem.js";

/**
 * Describes every trained configuration of a source. For an archive, unpacks only the plans and one
 * checkpoint of each configuration. A model that cannot be used is listed with its problem.
 *
 * @throws MODEL_NOT_FOUND if there is none
 */
export async function inspectModels(source: ModelSource, place: TreePlace): Promise<ModelsInspection> {
  const inventory = await source.inventory();
  const local: LocalModel =
    "folder" in place
      ? { modelDir: place.folder, tree: null }
      : await modelTree(source, firstFolds(inventory), place.context);
  const root = local.modelDir;
  const models: ConfigurationInspection[] = [];
  for (const folder of await namingArchives([local.tree], () => findModelFolders(root))) {
    const path = relative(root, folder.folder).split(sep).join("/");
    models.push(await inspectModel(folder, filesBelow(inventory, path), local));
  }
  return {
    inspectionVersion: 1,
    source: source.address,
    kind: "models",
    sizeBytes: totalBytes(inventory),
    models,
  };
}

/** The local folder of the source's files, or the cache that the needed files are unpacked into. */
export type TreePlace = { readonly folder: string } | { readonly context: SourceContext };

/** Files with paths relative to the model's folder. */
interface ModelFiles {
  readonly path: string;
  readonly files: readonly SourceFile[];
}

function filesBelow(inventory: readonly SourceFile[], path: string): ModelFiles {
  if (path === "") return { path, files: inventory };
  const below = inventory.filter((file) => file.path.startsWith(`${path}/`));
  return { path, files: below.map((file) => ({ ...file, path: file.path.slice(path.length + 1) })) };
}

async function inspectModel(
  folder: ModelFolder,
  { path, files }: ModelFiles,
  local: LocalModel,
): Promise<ConfigurationInspection> {
  const folds = foldsOf(files);
  const { taken, read } = checkpointOf(folds, folder.nnunetVersion);
  const identified = await identify(folder, read, local);
  const model = identified.model;
  const described = model === null ? notDescribed : await describe(model);
  const untaken = taken === null && read !== null ? [await noCheckpoint(folder, local)] : [];
  const { task, network } = described;
  const datasetName = model?.datasetName ?? folder.pathNames.datasetName ?? (path || basename(folder.folder));
  return {
    path,
    nnunetVersion: folder.nnunetVersion,
    nvidia: null,
    monai: null,
    task: taskIdentity(datasetName),
    datasetName,
    configuration: task?.configuration ?? model?.configuration ?? folder.pathNames.configuration ?? "unknown",
    trainer: task?.trainer ?? null,
    plansName: task?.plansName ?? null,
    checkpointName: taken,
    folds,
    network,
    gpuNetwork: null,
    checkpointParameters: described.checkpointParameters,
    patchSize: task?.plan.patchSize ?? null,
    spacingMm: task?.plan.spacingMm ?? null,
    mirrorAxes: task?.plan.mirrorAxes ?? null,
    channels: task === null ? null : channelsOf(task),
    labels: task?.labels ?? null,
    imageReader: task?.plan.imageReader ?? null,
    fileEnding: task?.plan.fileEnding ?? null,
    previousStage: task?.previousStage ?? null,
    postProcessing: files
      .map((file) => (path === "" ? file.path : `${path}/${file.path}`))
      // v1 never applies the post-processing of a single fold.
      .filter(
        (file) => /(?:^|\/)postprocessing\.(?:json|pkl)$/.test(file) && !/(?:^|\/)fold_[^/]+\//.test(file),
      ),
    sizeBytes: totalBytes(files),
    warnings: taken === null ? [] : unfinished(files, taken),
    problems: [...untaken, ...identified.problems, ...described.problems],
  };
}

const channelsOf = ({ channelNames, plan }: TrainingFacts) =>
  channelNames.map((name, i) => ({ name, normalization: plan.normalization[i]?.scheme ?? "unknown" }));

const foldPath = /^(?:fold_(\d+|all)|(all))\/([^/]+\.(?:pth|model))$/;

function foldsOf(files: readonly SourceFile[]): readonly FoldInspection[] {
  const folds = new Map<string, { name: string; sizeBytes: number }[]>();
  for (const { path, size } of files) {
    const [, numbered, all, name] = foldPath.exec(path) ?? [];
    const fold = numbered ?? all;
    if (fold === undefined || name === undefined) continue;
    folds.set(fold, [...(folds.get(fold) ?? []), { name, sizeBytes: size }]);
  }
  return [...folds]
    .map(([fold, checkpoints]) => ({ fold, files: checkpoints }))
    .sort((a, b) => foldNumber(a.fold) - foldNumber(b.fold));
}

const foldNumber = (fold: string): number => (fold === "all" ? Number.POSITIVE_INFINITY : Number(fold));

interface CheckpointChoice {
  /** The checkpoint that a build uses, which is nnU-Net's choice; null if no fold has it. */
  readonly taken: string | null;
  /** The checkpoint that is read to describe the model; null if there is none. */
  readonly read: string | null;
}

function checkpointOf(folds: readonly FoldInspection[], version: 1 | 2): CheckpointChoice {
  const names = new Set(folds.flatMap(({ files }) => files.map(({ name }) => name)));
  const usual = defaultCheckpoint(version);
  if (names.has(usual)) return { taken: usual, read: usual };
  return { taken: null, read: [...names].find((name) => name.includes("best")) ?? [...names][0] ?? null };
}

/** Returns the error that a build would report. */
async function noCheckpoint(folder: ModelFolder, local: LocalModel): Promise<Problem> {
  try {
    await namingArchives([local.tree], () =>
      presentFolds(folder, defaultCheckpoint(folder.nnunetVersion), local.tree),
    );
  } catch (error) {
    return asProblem(error);
  }
  throw new Error(`${folder.folder}: the usual checkpoint appeared while it was inspected`);
}

/** Returns warnings about folds that a build does not use. */
function unfinished(files: readonly SourceFile[], taken: string): readonly string[] {
  const names = new Set(files.flatMap(({ path }) => /^fold_(\d+|all)\//.exec(path)?.[1] ?? []));
  const trained = new Map(foldsOf(files).map((fold) => [fold.fold, fold.files.map(({ name }) => name)]));
  return [...names].sort().flatMap((fold) => {
    const has = trained.get(fold) ?? [];
    if (has.includes(taken)) return [];
    const instead = has.length === 0 ? "" : `, but ${has.join(", ")}`;
    return [`fold ${fold} has no ${taken}${instead}: a build leaves it out`];
  });
}

async function identify(folder: ModelFolder, checkpointName: string | null, local: LocalModel) {
  const problems: Problem[] = [];
  const name = checkpointName ?? defaultCheckpoint(folder.nnunetVersion);
  try {
    const { datasetName, configuration, folds } = await namingArchives([local.tree], async () => {
      const { folds: present } = await presentFolds(folder, name, local.tree);
      return { ...(await identifyModel(folder, async () => present[0])), folds: present };
    });
    const model: TrainedModel = {
      folder: folder.folder,
      nnunetVersion: folder.nnunetVersion,
      task: taskIdentity(datasetName),
      datasetName,
      configuration,
      folds,
      leftOut: [],
      networkFormat: "checkpoint",
      nvidia: null,
      checkpointName: name,
      tree: local.tree,
    };
    return { model, problems };
  } catch (error) {
    problems.push(asProblem(error));
    return { model: null, problems };
  }
}

interface Described {
  readonly task: TrainingFacts | null;
  readonly network: NetworkInspection | null;
  readonly checkpointParameters: number | null;
  readonly problems: readonly Problem[];
}

const notDescribed: Described = { task: null, network: null, checkpointParameters: null, problems: [] };

/** Describes as much of a model as possible, because the network needs more files than the task does. */
async function describe(model: TrainedModel): Promise<Described> {
  const problems: Problem[] = [];
  const attempt = <T>(action: () => Promise<T>, found: Problem[]) =>
    attempted(() => namingArchives([model.tree], action), found);
  const described = await attempt(() => describeModel(model), problems);
  const network = described === null ? null : await attempt(() => networkOf(model, described), problems);
  // An error that occurs a second time was already reported the first time.
  const task = described ?? (await attempt(() => describeTraining(model), []));
  const parameters = await attempt(() => checkpointParameters(model.folds[0]), []);
  return { task, network, checkpointParameters: parameters, problems };
}

/** Returns null after an error of the catalogue, which is added to `problems`. */
async function attempted<T>(action: () => Promise<T>, problems: Problem[]): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    problems.push(asProblem(error));
    return null;
  }
}

async function networkOf(model: TrainedModel, description: ModelDescription): Promise<NetworkInspection> {
  const { parameters } = await foldNetwork(model, description, model.folds[0]);
  const { architecture, inputChannels, outputChannels } = description.network;
  return { architecture, inputChannels, outputChannels, parameters };
}

/** Selects all small files, and one checkpoint of each configuration. */
function firstFolds(inventory: readonly SourceFile[]): (path: string) => boolean {
  const wanted = new Set<string>();
  for (const folder of new Set(inventory.flatMap(({ path }) => modelPathOf(path)))) {
    const { files } = filesBelow(inventory, folder);
    const folds = foldsOf(files);
    const version = files.some(({ path }) => path === "plans.json") ? 2 : 1;
    const { read: name } = checkpointOf(folds, version);
    const first = folds.find((fold) => fold.files.some((file) => file.name === name));
    const prefix = folder === "" ? "" : `${folder}/`;
    for (const small of smallFiles) wanted.add(`${prefix}${small}`);
    if (first === undefined || name === null) continue;
    for (const foldFolder of [`fold_${first.fold}`, first.fold]) {
      wanted.add(`${prefix}${foldFolder}/${name}`);
      wanted.add(`${prefix}${foldFolder}/${name}.pkl`);
    }
  }
  return (path) => wanted.has(path);
}

const smallFiles = ["plans.json", "dataset.json", "plans.pkl", "postprocessing.json", "postprocessing.pkl"];

/** Returns the folder of a plans file. */
function modelPathOf(path: string): readonly string[] {
  const match = /^(?:(.*)\/)?plans\.(?:json|pkl)$/.exec(path);
  return match === null ? [] : [match[1] ?? ""];
}

const totalBytes = (files: readonly SourceFile[]): number => files.reduce((sum, { size }) => sum + size, 0);

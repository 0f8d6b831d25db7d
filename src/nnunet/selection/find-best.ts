import { join } from "node:path";
import { exists } from "../../../processor/files/exists.js";
import { didYouMean } from "../../../processor/files/nearest-path.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { findDatasetName } from "../find-dataset.js";
import { type NnunetFolders, requireFolder } from "../folders.js";
import { PythonFloat, type PythonJson, pythonJson } from "../python-json.js";
import type { WorkSession } from "../threads/for-each-case.js";
import { accumulate, crossValidationFolder } from "./accumulate.js";
import { type BestModel, type Candidate, modelFolderName, type TrainedName } from "./best-model.js";
import { determinePostProcessing } from "./determine-post-processing.js";
import { ensembleCrossValidations } from "./ensemble-folders.js";
import { inferenceInstructions } from "./instructions.js";
import { type LabelRules, readLabelRules } from "./label-rules.js";
import { readSummaryMeans } from "./read-summary.js";
import { requireTrained } from "./require-trained.js";
import { writeSummary } from "./write-summary.js";

export interface FindBestOptions extends WorkSession {
  /** A number or a name. */
  readonly dataset: string;
  readonly folders: NnunetFolders;
  readonly trainers: readonly string[];
  readonly configurations: readonly string[];
  readonly plans: readonly string[];
  readonly folds: readonly (number | "all")[];
  readonly allowsEnsembles: boolean;
  readonly overwrite: boolean;
  /** The number of processes that the instructions for nnU-Net name. */
  readonly processes: number;
}

/**
 * Compares the trained models of a data set and all their pairs on the cross-validation, as
 * `nnUNetv2_find_best_configuration` does, and decides the post-processing of the best one. Writes
 * inference_information.json and inference_instructions.txt into the data set's results.
 *
 * @throws MODEL_NOT_FOUND, FOLD_MISSING, PROBABILITIES_MISSING, CASE_TWICE, NO_BEST_MODEL
 */
export async function findBest(options: FindBestOptions): Promise<BestModel> {
  const { folders, folds, allowsEnsembles, overwrite } = options;
  const datasetName = await findDatasetName(options.dataset, folders);
  const results = join(requireFolder(folders, "results"), datasetName);
  const preprocessed = join(requireFolder(folders, "preprocessed"), datasetName);
  const { trained, leftOut } = await trainedModels(options, { results, preprocessed });
  const candidates: Candidate[] = [];
  for (const model of trained) {
    const modelFolder = join(results, modelFolderName(model));
    const folder = join(modelFolder, crossValidationFolder(folds));
    const rules = await accumulate({ ...options, modelFolder, outputFolder: folder });
    candidates.push({
      name: modelFolderName(model),
      folder,
      members: [model],
      dice: await diceOf(folder, rules),
    });
  }
  const references = join(preprocessed, "gt_segmentations");
  for (const [first, second] of allowsEnsembles ? pairs(trained) : []) {
    const name = `ensemble___${modelFolderName(first)}___${modelFolderName(second)}___${folds.join("_")}`;
    const folder = join(results, "ensembles", name);
    const modelFolders = [
      join(results, modelFolderName(first)),
      join(results, modelFolderName(second)),
    ] as const;
    const rules = await ensembleCrossValidations({
      ...options,
      modelFolders,
      outputFolder: folder,
      overwrite,
    });
    await writeSummary({ folder, references, rules }, options);
    candidates.push({ name, folder, members: [first, second], dice: await diceOf(folder, rules) });
  }
  const best = bestOf(candidates);
  const postProcessing = await determinePostProcessing({
    folder: best.folder,
    referenceFolder: references,
    rules: await readLabelRules(best.folder),
    progress: options.progress,
    signal: options.signal,
  });
  const found: BestModel = {
    datasetName,
    folds,
    candidates,
    best,
    selected: best.members,
    postProcessing,
    postProcessingFile: join(best.folder, "postprocessing.pkl"),
    plansFile: join(best.folder, "plans.json"),
    leftOut,
    informationFile: join(results, "inference_information.json"),
    instructionsFile: join(results, "inference_instructions.txt"),
  };
  const information = inferenceInformation(found, trained, allowsEnsembles);
  await writeFileWhole(found.informationFile, [Buffer.from(information)]);
  await writeFileWhole(found.instructionsFile, [
    Buffer.from(inferenceInstructions(found, options.processes)),
  ]);
  return found;
}

/** Returns the models in nnU-Net's order: trainers, then configurations, then plans. */
async function trainedModels(
  { trainers, configurations, plans }: FindBestOptions,
  { results, preprocessed }: { readonly results: string; readonly preprocessed: string },
): Promise<{ readonly trained: readonly TrainedName[]; readonly leftOut: readonly TrainedName[] }> {
  const known = new Map<string, readonly string[]>();
  for (const name of plans) {
    const plansFile = join(preprocessed, `${name}.json`);
    if (!(await exists(plansFile)))
      throw nnunetError(
        "NOT_PREPROCESSED",
        `${plansFile} does not exist${await didYouMean(plansFile)}; nnU-Net compares the configurations that the plans have`,
      );
    known.set(name, (await readJsonFile(plansFile)).get("configurations").keys());
  }
  const wanted = trainers.flatMap((trainer) =>
    configurations.flatMap((configuration) => plans.map((name) => ({ trainer, configuration, plans: name }))),
  );
  const isPlanned = (model: TrainedName): boolean => known.get(model.plans)!.includes(model.configuration);
  const trained = wanted.filter(isPlanned);
  for (const model of trained) await requireTrained(join(results, modelFolderName(model)));
  return { trained, leftOut: wanted.filter((model) => !isPlanned(model)) };
}

function* pairs<T>(items: readonly T[]): Generator<readonly [T, T]> {
  for (const [i, first] of items.entries()) for (const second of items.slice(i + 1)) yield [first, second];
}

const diceOf = async (folder: string, { evaluated }: LabelRules): Promise<number> =>
  (await readSummaryMeans(join(folder, "summary.json"), evaluated.labels)).foregroundMean.Dice;

/** Returns the first candidate with the largest Dice. nnU-Net's choice would depend on the order if one had none. */
function bestOf(candidates: readonly Candidate[]): Candidate {
  const without = candidates.filter(({ dice }) => Number.isNaN(dice));
  if (without.length > 0)
    throw nnunetError(
      "NO_BEST_MODEL",
      `${without.map(({ folder }) => join(folder, "summary.json")).join(", ")}: the mean Dice is NaN, because no case has one of the labels`,
    );
  const [first, ...others] = candidates;
  if (first === undefined) throw nnunetError("NO_BEST_MODEL", "the plans have none of the configurations");
  return others.reduce((best, candidate) => (candidate.dice > best.dice ? candidate : best), first);
}

function inferenceInformation(
  found: BestModel,
  trained: readonly TrainedName[],
  ensemblingAllowed: boolean,
): string {
  const { best, postProcessing, datasetName, folds, candidates } = found;
  const content: Record<string, PythonJson> = {
    all_results: new Map(candidates.map(({ name, dice }) => [name, new PythonFloat(dice)])),
    best_model_or_ensemble: {
      postprocessing_file: found.postProcessingFile,
      result_on_crossval_post_pp: new PythonFloat(postProcessing.after.foregroundMean.Dice),
      result_on_crossval_pre_pp: new PythonFloat(best.dice),
      selected_model_or_models: best.members.map(({ configuration, plans, trainer }) => ({
        configuration,
        plans_identifier: plans,
        trainer,
      })),
      some_plans_file: found.plansFile,
    },
    considered_models: trained.map(({ configuration, plans, trainer }) => ({
      configuration,
      plans,
      trainer,
    })),
    dataset_name_or_id: datasetName,
    ensembling_allowed: ensemblingAllowed,
    folds,
  };
  return pythonJson(content, { sortKeys: true });
}

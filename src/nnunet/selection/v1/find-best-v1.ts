import { join } from "node:path";
import { exists } from "../../../../processor/files/exists.js";
import { makeFolder } from "../../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../../processor/files/write-file.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { findDatasetName } from "../../find-dataset.js";
import { type NnunetFolders, requireFolder } from "../../folders.js";
import type { WorkSession } from "../../threads/for-each-case.js";
import { requireTrained } from "../require-trained.js";
import { readStepsOfV1 } from "./apply-post-processing-v1.js";
import type { CandidateOfV1, ModelOfV1 } from "./candidate-v1.js";
import { collectedName, collectFolds, consolidateFolds } from "./consolidate-folds.js";
import { ensembleCrossValidationOfV1, ensembledName } from "./ensemble-cross-validation-v1.js";
import { predictionCommands, summaryTable } from "./instructions-v1.js";
import { type DiceOfLabels, meanForeground, readDices } from "./score-of-v1.js";

export interface FindBestOfV1Options extends WorkSession {
  /** A number or a name. */
  readonly task: string;
  readonly folders: NnunetFolders;
  readonly configurations: readonly string[];
  readonly trainer: string;
  /** The trainer of the second stage of a cascade. */
  readonly cascadeTrainer: string;
  readonly plans: string;
  readonly folds: readonly (number | "all")[];
  readonly allowsEnsembles: boolean;
  readonly decidesPostProcessing: boolean;
  /** False to keep what an earlier run has collected, averaged and decided, as v1 does. */
  readonly overwrite: boolean;
}

export interface BestCandidateOfV1 extends CandidateOfV1 {
  /** The labels of which only the largest component is kept, step by step; null if none was to be decided. */
  readonly keptLargest: readonly (readonly number[])[] | null;
  /** The model of a cascade's first stage; null without a cascade, and for v1's default trainer, which every build finds. */
  readonly firstStage: string | null;
}

export interface BestOfV1 {
  readonly taskName: string;
  readonly folds: readonly (number | "all")[];
  readonly candidates: readonly CandidateOfV1[];
  /** All with the largest Dice; v1 names each of them. */
  readonly best: readonly BestCandidateOfV1[];
  readonly commandsFile: string;
  readonly tableFile: string;
}

/**
 * Compares the trained v1 models of a task and all their pairs on the cross-validation, as
 * `nnUNet_find_best_configuration` does. Writes prediction_commands.txt and summary.csv.
 *
 * @throws MODEL_NOT_FOUND, FOLD_MISSING, PROBABILITIES_MISSING, CASE_TWICE, NO_BEST_MODEL
 */
export async function findBestOfV1(options: FindBestOfV1Options): Promise<BestOfV1> {
  const { folders, folds, allowsEnsembles } = options;
  const taskName = await findDatasetName(options.task, folders);
  const results = requireFolder(folders, "results");
  const models = options.configurations.map((configuration) => ({
    configuration,
    modelFolder: join(results, configuration, taskName, trainedName(options, configuration)),
  }));
  for (const { modelFolder } of models) await requireTrained(modelFolder);
  const candidates: CandidateOfV1[] = [];
  for (const model of models) candidates.push(await singleCandidate(model, options));
  for (const [i, first] of allowsEnsembles ? models.entries() : [])
    for (const second of models.slice(i + 1))
      candidates.push(await ensembleCandidate([first, second], { taskName, results }, options));
  const best = bestOf(candidates);
  const folder = join(results, "ensembles", taskName);
  const commandsFile = join(folder, "prediction_commands.txt");
  const tableFile = join(folder, "summary.csv");
  await makeFolder(folder);
  await writeFileWhole(commandsFile, [Buffer.from(predictionCommands(best, { ...options, taskName }))]);
  await writeFileWhole(tableFile, [Buffer.from(summaryTable(candidates))]);
  const decided = await Promise.all(
    best.map(async (candidate) => ({
      ...candidate,
      keptLargest: await keptLargestOf(candidate),
      firstStage: await firstStageOf(candidate, { taskName, results }, options),
    })),
  );
  return { taskName, folds, candidates, best: decided, commandsFile, tableFile };
}

async function keptLargestOf({
  postProcessingFile,
}: CandidateOfV1): Promise<readonly (readonly number[])[] | null> {
  if (postProcessingFile === null) return null;
  return (await readStepsOfV1(postProcessingFile)).map(({ labels }) => labels);
}

const defaultTrainer = "nnUNetTrainerV2";

/** Returns what `nnUNet_predict -tr TRAINER -m 3d_cascade_fullres` runs first, if it exists. */
async function firstStageOf(
  { members }: CandidateOfV1,
  { taskName, results }: { readonly taskName: string; readonly results: string },
  { trainer, plans }: FindBestOfV1Options,
): Promise<string | null> {
  const isCascade = members.some(({ configuration }) => configuration === cascade);
  if (!isCascade || trainer === defaultTrainer) return null;
  const folder = join(results, "3d_lowres", taskName, `${trainer}__${plans}`);
  return (await exists(folder)) ? folder : null;
}

const cascade = "3d_cascade_fullres";

const trainedName = (
  { trainer, cascadeTrainer, plans }: FindBestOfV1Options,
  configuration: string,
): string => `${configuration === cascade ? cascadeTrainer : trainer}__${plans}`;

async function singleCandidate(model: ModelOfV1, options: FindBestOfV1Options): Promise<CandidateOfV1> {
  const { modelFolder, configuration } = model;
  const { decidesPostProcessing, overwrite } = options;
  const folder = join(modelFolder, collectedName);
  const summaryFile = join(folder, "summary.json");
  const postProcessingFile = decidesPostProcessing ? join(modelFolder, "postprocessing.json") : null;
  const candidate = (dices: DiceOfLabels): CandidateOfV1 => ({
    name: configuration,
    members: [model],
    dices,
    dice: meanForeground(dices),
    postProcessingFile,
  });
  const isThere =
    (await exists(summaryFile)) && (postProcessingFile === null || (await exists(postProcessingFile)));
  if (isThere && !overwrite) return candidate(await readDices(summaryFile));
  const work = { ...options, modelFolder, validationName: "validation_raw" };
  const { score } = decidesPostProcessing ? await consolidateFolds(work) : await collectFolds(work, false);
  await writeFileWhole(summaryFile, [Buffer.from(score.summary({ withMean: true }))]);
  return candidate(score.dices);
}

async function ensembleCandidate(
  members: readonly [ModelOfV1, ModelOfV1],
  { taskName, results }: { readonly taskName: string; readonly results: string },
  options: FindBestOfV1Options,
): Promise<CandidateOfV1> {
  const parts = members.map(
    ({ configuration }) => `${configuration}__${trainedName(options, configuration)}`,
  );
  const name = `ensemble_${parts.join("--")}`;
  const outputFolder = join(results, "ensembles", taskName, name);
  await ensembleCrossValidationOfV1({
    ...options,
    modelFolders: [members[0].modelFolder, members[1].modelFolder],
    taskName,
    outputFolder,
    referenceFolder: join(requireFolder(options.folders, "preprocessed"), taskName, "gt_segmentations"),
  });
  const dices = await readDices(join(outputFolder, ensembledName, "summary.json"));
  const postProcessingFile = options.decidesPostProcessing ? join(outputFolder, "postprocessing.json") : null;
  return { name, members, dices, dice: meanForeground(dices), postProcessingFile };
}

function bestOf(candidates: readonly CandidateOfV1[]): readonly CandidateOfV1[] {
  const without = candidates.filter(({ dice }) => Number.isNaN(dice));
  if (without.length > 0)
    throw nnunetError(
      "NO_BEST_MODEL",
      `${without.map(({ name }) => name).join(", ")}: the mean Dice is NaN, because no case has one of the labels`,
    );
  const largest = Math.max(...candidates.map(({ dice }) => dice));
  return candidates.filter(({ dice }) => dice === largest);
}

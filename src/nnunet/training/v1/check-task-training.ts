import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { exists } from "../../../../processor/files/exists.js";
import { didYouMean } from "../../../../processor/files/nearest-path.js";
import { Field } from "../../../checkpoint/fields.js";
import { numpyGlobals } from "../../../checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../../checkpoint/pickle/python-globals.js";
import { readPickle } from "../../../checkpoint/pickle/read-pickle.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { someOf } from "../../../ground/some-of.js";
import { namesIn } from "../../files/names-in.js";
import { crossValidationSplits } from "../../preprocessing/splits.js";
import { checkDisk } from "../check-training.js";
import type { Fold } from "../each-fold.js";
import type { CasesOfV1 } from "./unpacked-cases.js";

export interface TaskTrainingPlace {
  /** `<nnUNet_preprocessed>/<task>` */
  readonly preprocessedFolder: string;
  /** `<RESULTS_FOLDER>/nnUNet/<configuration>/<task>/<trainer>__<plans>` */
  readonly modelFolder: string;
  readonly plans: string;
  readonly configuration: string;
  readonly folds: readonly Fold[];
  readonly pretrainedWeights: string | null;
  /** The trainer of the first stage of a cascade. */
  readonly firstStageTrainer: string;
}

export const configurationsOfV1 = ["2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"] as const;

/** The plans hold facts of every case. */
const maxBytes = 2 ** 30;

/**
 * Refuses a training with nnU-Net v1 that would fail after it has started, and returns the cases that it reads.
 *
 * @throws NOT_PREPROCESSED, USAGE, INPUT_NOT_FOUND, DISK_FULL
 */
export async function checkTaskTraining(place: TaskTrainingPlace): Promise<CasesOfV1> {
  const { preprocessedFolder, plans, configuration, modelFolder } = place;
  if (!configurationsOfV1.some((name) => name === configuration))
    throw sharedError(
      "USAGE",
      `v1 has no configuration ${configuration}; it has ${configurationsOfV1.join(", ")}`,
    );
  const plansFile = join(preprocessedFolder, `${plans}_plans_${configuration === "2d" ? "2D" : "3D"}.pkl`);
  const found = await stat(plansFile).catch(() => null);
  if (found?.isFile() !== true || found.size > maxBytes)
    throw nnunetError("NOT_PREPROCESSED", `${plansFile} does not exist${await didYouMean(plansFile)}`);
  const globals = new Map([...pythonGlobals, ...numpyGlobals]);
  const content = readPickle(await readFile(plansFile), { source: plansFile, globals });
  const planned = new Field(content.value, plansFile);
  const stages = planned.get("num_stages").integer();
  if (stages === 1 && (configuration === "3d_lowres" || configuration === "3d_cascade_fullres"))
    throw sharedError(
      "USAGE",
      `${plansFile} has one stage, so there is no ${configuration}; train 3d_fullres`,
    );
  const { pretrainedWeights } = place;
  if (pretrainedWeights !== null && !(await exists(pretrainedWeights)))
    throw sharedError("INPUT_NOT_FOUND", `--pretrained-weights: ${pretrainedWeights} does not exist`);
  const ofStage = (stage: number): string =>
    join(preprocessedFolder, `${planned.get("data_identifier").string()}_stage${stage}`);
  const isFirst = configuration === "2d" || configuration === "3d_lowres";
  const folder = ofStage(isFirst ? 0 : stages - 1);
  const caseIds = await checkCases(place, folder);
  if (configuration === "3d_lowres") await checkSecondStage(ofStage(1), caseIds);
  if (configuration === "3d_cascade_fullres") await checkFirstStage(place, caseIds);
  await checkDisk(modelFolder);
  return { folder, caseIds };
}

/** Returns the cases in a folder, all of which have their data and a reference. */
async function checkCases(
  { preprocessedFolder, folds }: TaskTrainingPlace,
  folder: string,
): Promise<readonly string[]> {
  const caseIds = (await idsIn(folder, ".pkl")).toSorted();
  const references = join(preprocessedFolder, "gt_segmentations");
  if (!(await exists(references))) throw nnunetError("NOT_PREPROCESSED", `${references} does not exist`);
  const expected = await idsIn(references, ".nii.gz");
  if (caseIds.length < expected.length || caseIds.length === 0)
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${folder} has ${caseIds.length} cases, but gt_segmentations has ${expected.length}`,
    );
  requireAll(folder, missingIn(await idsIn(folder, ".npz"), caseIds), ".npz");
  requireAll(references, missingIn(expected, caseIds), ".nii.gz");
  const hasSplits = await exists(join(preprocessedFolder, "splits_final.pkl"));
  if (!hasSplits && folds.some((fold) => fold !== "all") && crossValidationSplits(caseIds) === null)
    throw sharedError(
      "USAGE",
      `${folder} has ${caseIds.length} cases, too few for five folds; \`--folds all\` trains on all of them`,
    );
  return caseIds;
}

/** Returns the names in a folder that have an ending, without it; none if it does not exist. */
const idsIn = async (folder: string, ending: string): Promise<readonly string[]> =>
  (await exists(folder)) ? (await namesIn(folder, ending)).map((name) => name.slice(0, -ending.length)) : [];

const missingIn = (present: readonly string[], wanted: readonly string[]): readonly string[] => {
  const isThere = new Set(present);
  return wanted.filter((id) => !isThere.has(id));
};

function requireAll(folder: string, missing: readonly string[], ending: string, why = ""): void {
  if (missing.length > 0)
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${folder} lacks ${someOf(
        missing.map((id) => `${id}${ending}`),
        3,
      )}${why}`,
    );
}

/** After its last epoch, a cascade's first stage predicts in the size of the second one, whose data v1 reads for that. */
async function checkSecondStage(folder: string, caseIds: readonly string[]): Promise<void> {
  const missing = missingIn(await idsIn(folder, ".npz"), caseIds);
  requireAll(
    folder,
    missing,
    ".npz",
    ": after the last epoch, 3d_lowres predicts for the second stage, and reads its data",
  );
}

/** A cascade's second stage trains on the predictions of the first one for all cases. */
async function checkFirstStage(
  { modelFolder, firstStageTrainer, plans }: TaskTrainingPlace,
  caseIds: readonly string[],
): Promise<void> {
  const task = dirname(modelFolder);
  const first = join(dirname(dirname(task)), "3d_lowres", task.slice(dirname(task).length + 1));
  const predictions = join(first, `${firstStageTrainer}__${plans}`, "pred_next_stage");
  const ending = "_segFromPrevStage.npz";
  const missing = missingIn(await idsIn(predictions, ending), caseIds);
  requireAll(
    predictions,
    missing,
    ending,
    ": all folds of 3d_lowres must be trained before the second stage",
  );
}

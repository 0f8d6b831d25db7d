import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { exists } from "../../../../processor/files/exists.js";
import { Field } from "../../../checkpoint/fields.js";
import { numpyGlobals } from "../../../checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../../checkpoint/pickle/python-globals.js";
import { readPickle } from "../../../checkpoint/pickle/read-pickle.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { namesIn } from "../../evaluation/evaluate-folder.js";
import { checkDisk } from "../check-training.js";

export interface TaskTrainingPlace {
  /** `<nnUNet_preprocessed>/<task>` */
  readonly preprocessedFolder: string;
  /** `<RESULTS_FOLDER>/nnUNet/<configuration>/<task>/<trainer>__<plans>` */
  readonly modelFolder: string;
  readonly plans: string;
  readonly configuration: string;
  /** The trainer of the first stage of a cascade. */
  readonly firstStageTrainer: string;
}

export const configurationsOfV1 = ["2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"] as const;

/** The plans hold facts of every case. */
const maxBytes = 2 ** 30;

/**
 * Refuses a training with nnU-Net v1 that would fail after it has started.
 *
 * @throws NOT_PREPROCESSED, USAGE, DISK_FULL
 */
export async function checkTaskTraining(place: TaskTrainingPlace): Promise<void> {
  const { preprocessedFolder, plans, configuration, modelFolder } = place;
  if (!configurationsOfV1.some((name) => name === configuration))
    throw sharedError(
      "USAGE",
      `v1 has no configuration ${configuration}; it has ${configurationsOfV1.join(", ")}`,
    );
  const plansFile = join(preprocessedFolder, `${plans}_plans_${configuration === "2d" ? "2D" : "3D"}.pkl`);
  const found = await stat(plansFile).catch(() => null);
  if (found?.isFile() !== true || found.size > maxBytes)
    throw nnunetError("NOT_PREPROCESSED", `${plansFile} does not exist`);
  const globals = new Map([...pythonGlobals, ...numpyGlobals]);
  const content = readPickle(await readFile(plansFile), { source: plansFile, globals });
  const planned = new Field(content.value, plansFile);
  const stages = planned.get("num_stages").integer();
  if (stages === 1 && (configuration === "3d_lowres" || configuration === "3d_cascade_fullres"))
    throw sharedError(
      "USAGE",
      `${plansFile} has one stage, so there is no ${configuration}; train 3d_fullres`,
    );
  const stage = configuration === "2d" || configuration === "3d_lowres" ? 0 : stages - 1;
  const folder = join(preprocessedFolder, `${planned.get("data_identifier").string()}_stage${stage}`);
  const names = (await exists(folder)) ? await namesIn(folder, ".pkl") : [];
  const references = join(preprocessedFolder, "gt_segmentations");
  if (!(await exists(references))) throw nnunetError("NOT_PREPROCESSED", `${references} does not exist`);
  const expected = (await namesIn(references, ".nii.gz")).length;
  if (names.length < expected || names.length === 0)
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${folder} has ${names.length} cases, but gt_segmentations has ${expected}`,
    );
  if (configuration === "3d_cascade_fullres") await checkFirstStage(place);
  await checkDisk(modelFolder);
}

/** A cascade's second stage trains on the predictions of the first one for all cases. */
async function checkFirstStage({ modelFolder, firstStageTrainer, plans }: TaskTrainingPlace): Promise<void> {
  const task = dirname(modelFolder);
  const first = join(dirname(dirname(task)), "3d_lowres", task.slice(dirname(task).length + 1));
  const predictions = join(first, `${firstStageTrainer}__${plans}`, "pred_next_stage");
  if (await exists(predictions)) return;
  throw nnunetError(
    "NOT_PREPROCESSED",
    `${predictions} does not exist: all folds of 3d_lowres must be trained before the second stage`,
  );
}

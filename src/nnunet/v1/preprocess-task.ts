import { basename, join } from "node:path";
import { exists } from "../../../processor/files/exists.js";
import { readBytes, unreadable } from "../../../processor/files/read-text-file.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { pickleFile } from "../../../processor/nnunet-files/pickle-bytes.js";
import { Field } from "../../checkpoint/fields.js";
import { readInferencePlanV1 } from "../../checkpoint/nnunet-v1/inference-plan.js";
import { readPickle } from "../../checkpoint/pickle/read-pickle.js";
import { checkpointGlobals } from "../../checkpoint/torch/torch-globals.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { DatasetPlace } from "../find-dataset.js";
import { beginFolder, copyLabels } from "../preprocessing/preprocessed-folder.js";
import { requiredSplits } from "../preprocessing/splits.js";
import { answered } from "../threads/answers.js";
import { eachCase, type WorkTools } from "../threads/each-case.js";
import { type PicklableValue, pickledValue } from "./pickled-value.js";
import { planFiles } from "./plan-task.js";
import { readTask } from "./read-task.js";

export interface TaskStageReport {
  readonly name: string;
  readonly folder: string;
  readonly cases: number;
  /** The cases that a stopped run had finished. */
  readonly continued: number;
}

export interface TaskReport {
  readonly stages: readonly TaskStageReport[];
  /** splits_final.pkl; null unless it was written now. */
  readonly splits: string | null;
}

/**
 * Preprocesses a task for v1's training: each stage of the 3-D plans and the 2-D plans.
 *
 * @throws PLANS_MISSING, DATASET_INVALID, and errors of images
 */
export async function preprocessTask(
  { name, rawFolder, preprocessedFolder }: DatasetPlace & { readonly preprocessedFolder: string },
  { writesSplits }: { readonly writesSplits: boolean },
  tools: WorkTools,
): Promise<TaskReport> {
  const task = await readTask(rawFolder);
  const reports: TaskStageReport[] = [];
  for (const file of Object.values(planFiles)) {
    const plans = await readTaskPlans(join(preprocessedFolder, file));
    if (plans === null) continue;
    const stages = plans.get("plans_per_stage");
    const identifier = plans.get("data_identifier").string();
    if (!/^[\w.-]{1,200}$/.test(identifier))
      throw nnunetError("DATASET_INVALID", `${file}: data_identifier is not a name of a folder`);
    for (const stage of stages.keys()) {
      const plan = readInferencePlanV1({ plans, stagePlan: stages.get(stage), doesMirror: false });
      const folder = join(preprocessedFolder, `${identifier}_stage${stage}`);
      const begun = await beginFolder(folder, { cases: task.cases, settings: { plan } });
      const label = `${name}: preprocessing ${identifier} stage ${stage}`;
      let continued = 0;
      await eachCase(task.cases, { label, tools }, async ({ id, images, label: labelFile }, pool) => {
        if (await begun.isFinished(id)) {
          continued++;
          return;
        }
        answered(
          await pool.run("preprocessTaskCase", {
            caseId: id,
            folder,
            reader: "SimpleITKIO",
            images,
            label: labelFile,
            plan,
            channelNames: task.modalities,
            taskClasses: task.classes,
          }),
        );
      });
      await begun.end();
      reports.push({ name: `${identifier} stage ${stage}`, folder, cases: task.cases.length, continued });
    }
  }
  if (reports.length === 0)
    throw nnunetError(
      "PLANS_MISSING",
      `${preprocessedFolder} has neither ${Object.values(planFiles).join(" nor ")}`,
    );
  await copyLabels(preprocessedFolder, new Map(task.cases.map(({ label }) => [label, basename(label)])));
  return {
    stages: reports,
    splits: writesSplits
      ? await writeSplits(
          preprocessedFolder,
          task.cases.map(({ id }) => id),
        )
      : null,
  };
}

/** The plans hold facts of every case. */
const mostPlansBytes = 2 ** 30;

/**
 * Reads the plans of v1.
 *
 * @returns null if the file does not exist
 * @throws PLANS_MISSING, MODEL_FILE_INVALID, CHECKPOINT_UNSAFE
 */
export async function readTaskPlans(path: string): Promise<Field | null> {
  if (!(await exists(path))) return null;
  const bytes = await readBytes(path, mostPlansBytes).catch((cause: unknown) => {
    throw nnunetError("PLANS_MISSING", `${path}: ${unreadable(cause)}`, { cause });
  });
  return new Field(readPickle(bytes, { source: path, globals: checkpointGlobals(path) }).value, path);
}

/** Writes the folds that v1's first training would write; an existing file is kept. */
export async function writeSplits(
  preprocessedFolder: string,
  caseIds: readonly string[],
): Promise<string | null> {
  const path = join(preprocessedFolder, "splits_final.pkl");
  if (await exists(path)) return null;
  const splits = requiredSplits(caseIds);
  await writeFileWhole(path, [
    pickleFile(pickledValue(splits.map(({ train, val }): PicklableValue => ({ train, val })))),
  ]);
  return path;
}

import { copyFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { Field } from "../../checkpoint/fields.js";
import { readInferencePlanV1 } from "../../checkpoint/nnunet-v1/inference-plan.js";
import { readPickle } from "../../checkpoint/pickle/read-pickle.js";
import { checkpointGlobals } from "../../checkpoint/torch/torch-globals.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { DatasetPlace } from "../find-dataset.js";
import { answered } from "../threads/answers.js";
import { eachCase, type WorkTools } from "../threads/each-case.js";
import { planFiles } from "./plan-task.js";
import { readTask, type Task } from "./read-task.js";

export interface TaskStageReport {
  readonly name: string;
  readonly folder: string;
  readonly cases: number;
}

/**
 * Preprocesses a task for v1's training: each stage of the 3-D plans and the 2-D plans.
 *
 * @throws PLANS_MISSING, DATASET_INVALID, and errors of images
 */
export async function preprocessTask(
  { name, rawFolder, preprocessedFolder }: DatasetPlace & { readonly preprocessedFolder: string },
  tools: WorkTools,
): Promise<readonly TaskStageReport[]> {
  const task = await readTask(rawFolder);
  const reports: TaskStageReport[] = [];
  for (const file of Object.values(planFiles)) {
    const plans = await readPlans(join(preprocessedFolder, file));
    if (plans === null) continue;
    const stages = plans.get("plans_per_stage");
    const identifier = plans.get("data_identifier").string();
    if (!/^[\w.-]{1,200}$/.test(identifier))
      throw nnunetError("DATASET_INVALID", `${file}: data_identifier is not a name of a folder`);
    for (const stage of stages.keys()) {
      const plan = readInferencePlanV1({ plans, stagePlan: stages.get(stage), doesMirror: false });
      const folder = join(preprocessedFolder, `${identifier}_stage${stage}`);
      await rm(folder, { recursive: true, force: true });
      await makeFolder(folder);
      const label = `${name}: preprocessing ${identifier} stage ${stage}`;
      await eachCase(task.cases, { label, tools }, async ({ id, images, label: labelFile }, pool) => {
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
      reports.push({ name: `${identifier} stage ${stage}`, folder, cases: task.cases.length });
    }
  }
  if (reports.length === 0)
    throw nnunetError(
      "PLANS_MISSING",
      `${preprocessedFolder} has neither ${Object.values(planFiles).join(" nor ")}`,
    );
  await copyLabels(task, join(preprocessedFolder, "gt_segmentations"));
  return reports;
}

async function readPlans(path: string): Promise<Field | null> {
  if (!(await exists(path))) return null;
  return new Field(
    readPickle(await readFile(path), { source: path, globals: checkpointGlobals(path) }).value,
    path,
  );
}

async function copyLabels({ cases }: Task, folder: string): Promise<void> {
  await makeFolder(folder);
  for (const { id, label } of cases) await copyFile(label, join(folder, `${id}.nii.gz`));
}

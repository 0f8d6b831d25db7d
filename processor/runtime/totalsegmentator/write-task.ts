import { dirname, join } from "node:path";
import { answerClasses } from "../../contract/answer-labels.js";
import type { TaskSettings } from "../../contract/totalsegmentator-settings.js";
import { makeFolder } from "../../files/make-folder.js";
import { writeFileWhole } from "../../files/write-file.js";
import { splitImageEnding } from "../../imaging/formats/image-ending.js";
import { writeLabelMap } from "../../imaging/formats/write-image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { CaseRequest } from "../cases/case.js";
import type { RuntimePool } from "../threads/kernels.js";
import type { FinishedTask, PlacedTask } from "./answer-task.js";
import type { Labels } from "./label-boxes.js";

export interface TaskFiles extends Pick<PlacedTask, "plan" | "image"> {
  readonly request: Pick<CaseRequest, "name" | "outputs">;
  readonly settings: TaskSettings;
}

/** Writes what a task writes besides the labels: statistics, and a file for each class. */
export async function writeTaskFiles(
  { labelMap, source, statistics }: FinishedTask,
  { request, plan, settings, image }: TaskFiles,
  pool: RuntimePool,
): Promise<void> {
  const { path } = request.outputs[0];
  if (statistics !== null)
    await writeFileWhole(join(dirname(path), `${request.name}.statistics.json`), [
      Buffer.from(`${JSON.stringify(statistics, null, 4)}\n`),
    ]);
  if (!settings.perClass) return;
  const folder = join(dirname(path), request.name);
  const ending = splitImageEnding(path)?.ending ?? ".nii.gz";
  await makeFolder(folder);
  const write = (name: string, voxels: Uint8Array) =>
    writeLabelMap({ ...labelMap, voxels }, join(folder, `${name}${ending}`), source);
  for (const { name, value } of answerClasses(plan, settings))
    await write(
      name,
      maskOf(labelMap, (label) => label === value),
    );
  if (plan.run.task !== "body" || !settings.derivedMasks || settings.saveLowres) return;
  const body = maskOf(labelMap, (label) => label > 0);
  await write("body", body);
  const skin = new Uint8Array(new SharedArrayBuffer(body.length));
  const { sizeZyx } = labelMap.geometry;
  await pool.run("findSkin", { voxels: body, sizeZyx, intensities: image.voxels, skin });
  await write("skin", skin);
}

function maskOf({ voxels }: LabelMap, isIn: (label: number) => boolean): Labels {
  const mask = new Uint8Array(new SharedArrayBuffer(voxels.length));
  for (let i = 0; i < voxels.length; i++) if (isIn(voxels[i]!)) mask[i] = 1;
  return mask;
}

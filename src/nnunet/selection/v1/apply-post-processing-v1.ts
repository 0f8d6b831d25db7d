import { join } from "node:path";
import type { PostProcessingStep } from "../../../../processor/contract/manifest.js";
import { makeFolder } from "../../../../processor/files/make-folder.js";
import { readPostProcessing } from "../../../checkpoint/post-processing/read-post-processing.js";
import { readJsonFile } from "../../../checkpoint/read-json-file.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { someNamesIn } from "../../files/names-in.js";
import { forEachCase, type WorkSession } from "../../threads/for-each-case.js";

export interface ApplyOfV1Options extends WorkSession {
  readonly inputFolder: string;
  readonly outputFolder: string;
  /** postprocessing.json */
  readonly postProcessingFile: string;
}

/**
 * Applies a post-processing of nnU-Net v1 to every .nii.gz of a folder.
 *
 * @returns the number of cases
 * @throws INPUT_NOT_FOUND, MODEL_FILE_INVALID, LABELS_UNKNOWN
 */
export async function applyPostProcessingOfV1(options: ApplyOfV1Options): Promise<number> {
  const { inputFolder, outputFolder, postProcessingFile } = options;
  const steps = await readStepsOfV1(postProcessingFile);
  const names = await someNamesIn(inputFolder, ".nii.gz");
  await makeFolder(outputFolder);
  await postProcessFiles({ inputFolder, outputFolder, names, steps, session: options });
  return names.length;
}

/**
 * Reads postprocessing.json of nnU-Net v1. Its own files always list the classes; None would mean those of each image.
 *
 * @throws MODEL_FILE_INVALID, LABELS_UNKNOWN
 */
export async function readStepsOfV1(file: string): Promise<readonly PostProcessingStep[]> {
  const json = await readJsonFile(file);
  if (json.keys().includes("for_which_classes") && json.get("for_which_classes").isNull)
    throw nnunetError("LABELS_UNKNOWN", `${file}: for_which_classes is null, not a list of labels`);
  const labels = { names: [], foregroundLabels: [], regionsClassOrder: null, ignoreLabel: null };
  return readPostProcessing(file, labels);
}

export interface PostProcessFilesOptions {
  readonly inputFolder: string;
  readonly outputFolder: string;
  readonly names: readonly string[];
  readonly steps: readonly PostProcessingStep[];
  readonly session: WorkSession;
}

export async function postProcessFiles({
  inputFolder,
  outputFolder,
  names,
  steps,
  session,
}: PostProcessFilesOptions): Promise<void> {
  const tasks = names.map((name) => ({
    from: join(inputFolder, name),
    to: join(outputFolder, name),
    imageReader: null,
    steps,
  }));
  await forEachCase("keeping the largest components", "postProcessFile", tasks, session);
}

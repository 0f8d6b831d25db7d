import { join } from "node:path";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { readPostProcessing } from "../../checkpoint/post-processing/read-post-processing.js";
import { someNamesIn } from "../files/names-in.js";
import { forEachCase, type WorkSession } from "../threads/for-each-case.js";
import type { LabelRules } from "./label-rules.js";

export interface ApplyOptions extends WorkSession {
  readonly inputFolder: string;
  readonly outputFolder: string;
  /** postprocessing.pkl or postprocessing.json */
  readonly postProcessingFile: string;
  readonly rules: LabelRules;
}

/**
 * Applies a post-processing to every segmentation of a folder, as `nnUNetv2_apply_postprocessing` does.
 *
 * @returns the number of cases
 * @throws INPUT_NOT_FOUND, MODEL_FILE_INVALID, PLANS_UNSUPPORTED
 */
export async function applyPostProcessing(options: ApplyOptions): Promise<number> {
  const { inputFolder, outputFolder, postProcessingFile, rules } = options;
  const steps = await readPostProcessing(postProcessingFile, rules.definition);
  const names = await someNamesIn(inputFolder, rules.fileEnding);
  await makeFolder(outputFolder);
  const tasks = names.map((name) => ({
    from: join(inputFolder, name),
    to: join(outputFolder, name),
    imageReader: rules.imageReader,
    steps,
  }));
  await forEachCase("keeping the largest components", "postProcessFile", tasks, options);
  return names.length;
}

import { join } from "node:path";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { writeB2nd } from "../files/blosc2/write-b2nd.js";
import { writeNpz } from "../files/write-npz.js";
import { type PreprocessCaseTask, preprocessCase } from "./preprocess-case.js";

/** `b2nd` is what nnU-Net writes since version 2.5; it reads `npz` too, which earlier versions wrote. */
export type PreprocessedFormat = "b2nd" | "npz";

export interface PreprocessToFilesTask extends PreprocessCaseTask {
  readonly format: PreprocessedFormat;
  readonly caseId: string;
  readonly folder: string;
}

/** Preprocesses a case and writes its files; runs in a worker thread. The `.pkl` is last: with it, the case is complete. */
export async function preprocessToFiles(task: PreprocessToFilesTask): Promise<void> {
  const prepared = await preprocessCase(task);
  const { data, segmentation, sizeZyx, channelCount } = prepared;
  const path = join(task.folder, task.caseId);
  if (task.format === "npz") {
    const arrays = [
      { name: "data", shape: [channelCount, ...sizeZyx], type: "f4", parts: [data] },
      { name: "seg", shape: [1, ...sizeZyx], type: "i2", parts: [segmentation] },
    ] as const;
    // Stored, because training unpacks them first.
    await writeNpz(`${path}.npz`, arrays, { isCompressed: false });
  } else {
    const { patchSize, dimensions } = task.plan;
    const patch = patchSize.slice(-dimensions);
    await writeB2nd(`${path}.b2nd`, { shape: [channelCount, ...sizeZyx], values: data }, patch);
    await writeB2nd(`${path}_seg.b2nd`, { shape: [1, ...sizeZyx], values: segmentation }, patch);
  }
  await writeFileWhole(join(task.folder, `${task.caseId}.pkl`), [prepared.properties]);
}

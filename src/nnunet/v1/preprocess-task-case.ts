import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { partialPathNextTo } from "../../../processor/files/partial-path.js";
import { outputError, writeFileWhole } from "../../../processor/files/write-file.js";
import { NpzWriter, npyHeader } from "../../../processor/nnunet-files/npz-writer.js";
import { numpyArray } from "../../../processor/nnunet-files/pickle-bytes.js";
import { propertiesPickleV1 } from "../../../processor/nnunet-files/properties-pickle-v1.js";
import { classLocations, pickledLocationsV1 } from "../preprocessing/class-locations.js";
import { type CaseOnGrid, type CaseOnGridTask, caseOnGrid } from "../preprocessing/preprocess-case.js";
import { writeInPieces } from "../preprocessing/preprocess-to-files.js";
import { pickledValue } from "./pickled-value.js";

export interface PreprocessTaskCaseTask extends CaseOnGridTask {
  readonly caseId: string;
  readonly folder: string;
  /** The labels above 0. */
  readonly taskClasses: readonly number[];
}

/** Preprocesses a case as nnU-Net v1 does and writes its files; runs in a worker thread. The `.pkl` is last. */
export async function preprocessTaskCase(task: PreprocessTaskCaseTask): Promise<void> {
  const prepared = await caseOnGrid(task);
  await writeNpz(join(task.folder, `${task.caseId}.npz`), prepared);
  await writeFileWhole(join(task.folder, `${task.caseId}.pkl`), [propertiesOf(task, prepared)]);
}

function propertiesOf(
  { plan, images, label, taskClasses }: PreprocessTaskCaseTask,
  { segmentation, sizeZyx, history, classes }: CaseOnGrid,
): Uint8Array {
  const keys = taskClasses.map((value) => ({ values: [value], isTuple: false }));
  return propertiesPickleV1({
    history,
    plan,
    labels: { regionsClassOrder: null },
    networkSizeZyx: sizeZyx,
    channelFiles: images,
    further: [
      ["seg_file", pickledValue(label)],
      ["classes", numpyArray(classes, { shape: [classes.length], type: "f8" })],
      [
        "use_nonzero_mask_for_norm",
        pickledValue(new Map(plan.normalization.map(({ useMask }, channel) => [channel, useMask]))),
      ],
      ["class_locations", pickledLocationsV1(classLocations(segmentation, keys), sizeZyx)],
    ],
  });
}

/** Writes `data`: the channels and the labels, all float32. */
async function writeNpz(
  path: string,
  { data, segmentation, sizeZyx, channelCount }: CaseOnGrid,
): Promise<void> {
  const partial = await partialPathNextTo(path);
  const writer = await NpzWriter.create(partial);
  try {
    await writer.begin("data.npy");
    await writer.write(npyHeader([channelCount + 1, ...sizeZyx], "f4"));
    await writeInPieces(writer, data);
    await writeInPieces(writer, Float32Array.from(segmentation));
    await writer.end();
    await writer.close();
    await rename(partial, path);
  } catch (error) {
    await writer.abandon();
    await rm(partial, { force: true });
    throw outputError(path, error);
  }
}

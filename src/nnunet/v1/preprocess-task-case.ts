import { join } from "node:path";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { numpyArray } from "../../../processor/nnunet-files/pickle-bytes.js";
import { propertiesPickleV1 } from "../../../processor/nnunet-files/properties-pickle-v1.js";
import { writeNpz } from "../files/write-npz.js";
import { classLocations, pickledLocationsV1 } from "../preprocessing/class-locations.js";
import { type CaseOnGrid, type CaseOnGridTask, caseOnGrid } from "../preprocessing/preprocess-case.js";
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
  const { data, segmentation, sizeZyx, channelCount } = prepared;
  const shape = [channelCount + 1, ...sizeZyx];
  const parts = [data, Float32Array.from(segmentation)];
  await writeNpz(join(task.folder, `${task.caseId}.npz`), [{ name: "data", shape, type: "f4", parts }], {
    isCompressed: true,
  });
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
      ["classes", numpyArray(classes, { shape: [classes.length], type: "f4" })],
      [
        "use_nonzero_mask_for_norm",
        pickledValue(new Map(plan.normalization.map(({ useMask }, channel) => [channel, useMask]))),
      ],
      ["class_locations", pickledLocationsV1(classLocations(segmentation, keys), sizeZyx)],
    ],
  });
}

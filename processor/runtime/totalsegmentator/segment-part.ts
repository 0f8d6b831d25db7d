import { caseNote } from "../../contract/progress/run-event.js";
import type { TaskRun } from "../../contract/totalsegmentator-plan.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { Networks } from "../inference/networks.js";
import type { PredictOptions } from "../inference/predicted-slabs.js";
import type { LoadedMember } from "../model/load-model.js";
import { exportTarget } from "../postprocess/export-grid.js";
import { exportLabels } from "../postprocess/export-labels.js";
import type { Prepared } from "../preprocess/prepared.js";
import { preprocess } from "../preprocess/preprocess.js";
import type { ReusedMemory } from "../preprocess/reused-memory.js";
import { windowsReport } from "../segment/predict-members.js";
import type { SegmentContext } from "../segment/segment-context.js";
import type { RuntimePool } from "../threads/kernels.js";

export interface PartRequest {
  readonly caseName: string;
  readonly member: LoadedMember;
  /** The network that runs afterwards, in this case or the next one; null if it is not to be loaded ahead. */
  readonly next: LoadedMember | null;
  readonly run: TaskRun;
  /** Memory for the volume as the network sees it. */
  readonly memory: ReusedMemory;
}

/** The step of nnU-Net, which stands for no choice of the user. */
const defaultStep = 0.5;

/**
 * Runs one network of a task over a volume, with nnU-Net's own preprocessing and export. On a GPU, the next network is
 * loaded meanwhile. On a CPU, it is loaded afterwards, while labels are merged and the volume is prepared again: two
 * networks of full size would double the memory, and save about a second for each part.
 */
export async function segmentPart(
  volume: CaseVolume,
  { caseName, member, next, run, memory }: PartRequest,
  { opened: { networks }, settings, tools }: SegmentContext,
): Promise<LabelMap> {
  const { plan, labels, network, datasetName } = member.model;
  const { pool, onEvent, signal } = tools;
  const options = { plan, labels, pool, previousStage: null, keepsVolume: true, memory };
  const prepared = await preprocess(volume, options);
  const loaded = await networks.of(member);
  if (next !== null && loaded.executionProvider.startsWith("CUDA")) networks.loadAhead(next);
  const labelMap = await labelsOf(
    { loaded, prepared, member },
    {
      heads: network.outputChannels,
      maximumBatch: network.maximumBatch,
      stepSize: settings.stepSize === defaultStep ? run.stepSize : settings.stepSize,
      startProgress: (total) => windowsReport({ case: caseName, stage: datasetName, total }, onEvent),
      onNote: (line) => onEvent(caseNote(caseName, "inference", line)),
      signal,
    },
    pool,
  );
  if (next !== member) await networks.release(member);
  if (next !== null) networks.loadAhead(next);
  return labelMap;
}

interface PartRun {
  readonly loaded: Networks;
  readonly prepared: Prepared;
  readonly member: LoadedMember;
}

/** Returns the labels on the volume's grid. They are written window by window if that is also the network's grid. */
async function labelsOf(
  { loaded, prepared, member }: PartRun,
  options: Omit<PredictOptions, "plan" | "labels" | "mirrorAxes">,
  pool: RuntimePool,
): Promise<LabelMap> {
  const { plan, labels } = member.model;
  const { history, sizeZyx } = prepared;
  const isSameGrid = sizeZyx.every((size, axis) => size === history.sizeAfterCroppingZyx[axis]);
  const writesLabels = isSameGrid && plan.dimensions === 3 && labels.regionsClassOrder === null;
  if (!writesLabels || loaded.isHalfPrecision) {
    const stream = loaded.predict(prepared, { ...options, plan, labels, mirrorAxes: [] });
    return exportLabels([{ stream, history, plan }], { labels, pool, probabilities: null });
  }
  const target = exportTarget({ history, plan }, labels);
  await loaded.predictLabels(prepared, { ...options, plan, labels, target });
  return { voxels: target.voxels, geometry: history.originalGeometry };
}

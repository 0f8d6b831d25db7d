import { caseNote } from "../../contract/progress/run-event.js";
import type { TaskRun } from "../../contract/totalsegmentator-plan.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { LoadedMember } from "../model/load-model.js";
import { exportLabels } from "../postprocess/export-labels.js";
import { preprocess } from "../preprocess/preprocess.js";
import { windowsReport } from "../segment/predict-members.js";
import type { SegmentContext } from "../segment/segment-context.js";

export interface PartRequest {
  readonly caseName: string;
  readonly member: LoadedMember;
  /** The network that runs afterwards, in this case or the next one; null if it is not to be loaded ahead. */
  readonly next: LoadedMember | null;
  readonly run: TaskRun;
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
  { caseName, member, next, run }: PartRequest,
  { opened: { networks }, settings, tools }: SegmentContext,
): Promise<LabelMap> {
  const { plan, labels, network, datasetName } = member.model;
  const { pool, onEvent, signal } = tools;
  const prepared = await preprocess(volume, { plan, labels, pool, previousStage: null, keepsVolume: true });
  const loaded = await networks.of(member);
  if (next !== null && loaded.executionProvider.startsWith("CUDA")) networks.loadAhead(next);
  const stream = loaded.predict(prepared, {
    plan,
    labels,
    heads: network.outputChannels,
    maximumBatch: network.maximumBatch,
    stepSize: settings.stepSize === defaultStep ? run.stepSize : settings.stepSize,
    mirrorAxes: [],
    startProgress: (total) => windowsReport({ case: caseName, stage: datasetName, total }, onEvent),
    onNote: (line) => onEvent(caseNote(caseName, "inference", line)),
    signal,
  });
  const source = { stream, history: prepared.history, plan };
  const labelMap = await exportLabels([source], { labels, pool, probabilities: null });
  if (next !== member) await networks.release(member);
  if (next !== null) networks.loadAhead(next);
  return labelMap;
}

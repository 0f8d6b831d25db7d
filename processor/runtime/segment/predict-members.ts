import { mapInOrder, type NonEmpty } from "../../contract/non-empty.js";
import type { ProgressTask } from "../../contract/progress/progress.js";
import { caseNote, type EventListener, type WindowsEvent } from "../../contract/progress/run-event.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { LogitStream } from "../inference/logit-slab.js";
import { type SpooledStream, spoolStream } from "../inference/spool-stream.js";
import type { LoadedMember } from "../model/load-model.js";
import { type ExportSource, exportLabels } from "../postprocess/export-labels.js";
import { removeComponents } from "../postprocess/remove-components.js";
import type { Prepared } from "../preprocess/prepared.js";
import { preprocess } from "../preprocess/preprocess.js";
import type { RuntimePool } from "../threads/kernels.js";
import { asProbabilities } from "./as-probabilities.js";
import { type MirrorRun, predictMirroredVolumes } from "./predict-mirrored-volumes.js";
import type { SegmentContext } from "./segment-context.js";

/** One case in the orientation that the networks expect. */
export interface MemberInput {
  readonly caseName: string;
  /** The image. It is not changed if there is more than one stage. */
  readonly volume: CaseVolume;
  /** An earlier stage's segmentation from outside; null if there is none. */
  readonly previousStage: LabelMap | null;
}

/** Returns the stage that runs first: the earlier stage of a cascade, or the first member itself. */
export function firstStage([first]: readonly LoadedMember[]): LoadedMember {
  let stage = first!;
  while (stage.previousStage !== null) stage = stage.previousStage;
  return stage;
}

/** Returns the number of networks that run over a case, one after the other. */
export function stageCount(members: readonly LoadedMember[]): number {
  const ofMember = ({ previousStage }: LoadedMember): number =>
    1 + (previousStage === null ? 0 : ofMember(previousStage));
  return members.reduce((sum, member) => sum + ofMember(member), 0);
}

/**
 * Prepares the case for a stage that does not continue another stage, or that continues a segmentation from outside.
 */
export function prepareStage(
  { model }: LoadedMember,
  { volume, previousStage }: Omit<MemberInput, "caseName">,
  { members, pool }: { readonly members: readonly LoadedMember[]; readonly pool: RuntimePool },
): Promise<Prepared> {
  return preprocess(volume, {
    plan: model.plan,
    labels: model.labels,
    pool,
    previousStage: model.previousStage === null ? null : previousStage,
    keepsVolume: stageCount(members) > 1,
  });
}

/**
 * Runs all members over one case and passes their outputs to `use`. A cascade's earlier stage runs before its member.
 * The outputs of all members but the last are kept on disk or in memory, so that only one network runs at a time.
 *
 * @param first the case on the first stage's grid
 */
export async function predictMembers<T>(
  input: MemberInput,
  first: Prepared,
  context: SegmentContext,
  use: (sources: NonEmpty<ExportSource>) => Promise<T>,
): Promise<T> {
  const runner = new StageRunner(input, first, context);
  const { members } = context.opened;
  const spooled: SpooledStream[] = [];
  try {
    const sources = await mapInOrder(members, async (member, i): Promise<ExportSource> => {
      const prepared = await runner.prepare(member);
      const stream = await runner.start(member, prepared);
      const isLast = i === members.length - 1;
      const kept = isLast ? stream : await spoolStream(stream);
      if (!isLast) spooled.push(kept as SpooledStream);
      return { stream: kept, history: prepared.history, plan: member.model.plan };
    });
    return await use(sources);
  } finally {
    await Promise.all(spooled.map((stream) => stream.discard()));
  }
}

class StageRunner {
  readonly #input: MemberInput;
  readonly #context: SegmentContext;
  /** The case that was prepared in advance; null after the first stage has taken it. */
  #ahead: Prepared | null;

  constructor(input: MemberInput, first: Prepared, context: SegmentContext) {
    this.#input = input;
    this.#ahead = first;
    this.#context = context;
  }

  async prepare(member: LoadedMember): Promise<Prepared> {
    if (member.previousStage !== null) {
      const previousStage = await this.#segment(member);
      return this.#prepareStage(member, { volume: this.#input.volume, previousStage });
    }
    const ahead = this.#ahead;
    this.#ahead = null;
    return ahead ?? this.#prepareStage(member, this.#input);
  }

  #prepareStage(member: LoadedMember, input: Omit<MemberInput, "caseName">): Promise<Prepared> {
    const { opened, tools } = this.#context;
    return prepareStage(member, input, { members: opened.members, pool: tools.pool });
  }

  /** Returns the segmentation of the stage that a member continues. */
  async #segment(member: LoadedMember): Promise<LabelMap> {
    const { pool } = this.#context.tools;
    const stage = member.previousStage!;
    const prepared = await this.prepare(stage);
    const { plan, labels } = stage.model;
    const stream = await this.start(stage, prepared);
    const source = { stream, plan, history: prepared.history };
    const labelMap = await exportLabels([source], { labels, pool, probabilities: null });
    await removeComponents(labelMap, member.model.previousStage!.postProcessing, pool);
    return labelMap;
  }

  async start(member: LoadedMember, prepared: Prepared): Promise<LogitStream> {
    const { caseName } = this.#input;
    const { opened, settings, tools } = this.#context;
    const { plan, labels, network, configuration } = member.model;
    const stage = stageCount(opened.members) > 1 ? configuration : null;
    const networks = await opened.networks.of(member);
    const mirrorAxes = settings.useTestTimeAugmentation ? plan.mirrorAxes : [];
    const heads = network.outputChannels;
    const options = {
      plan,
      labels,
      heads,
      mirrorAxes,
      maximumBatch: network.maximumBatch,
      stepSize: settings.stepSize,
      startProgress: (total: number) => windowsReport({ case: caseName, stage, total }, tools.onEvent),
      onNote: (line: string) => tools.onEvent(caseNote(caseName, "inference", line)),
      signal: tools.signal,
    };
    if (plan.monai !== undefined)
      return asProbabilities(networks.predict(prepared, options), plan.monai.activation, tools.pool);
    if (plan.nvidia === undefined || mirrorAxes.length === 0) return networks.predict(prepared, options);
    const progress = sharedProgress(options.startProgress);
    return predictMirroredVolumes(
      prepared,
      { heads, mirrorAxes, dimensions: plan.dimensions },
      (volume, run) =>
        networks.predict(volume, {
          ...options,
          mirrorAxes: [],
          startProgress: (total) => progress(total, run),
        }),
    );
  }
}

/** Returns the progress of several runs with equally many windows as that of one. */
function sharedProgress(
  start: (total: number) => ProgressTask,
): (total: number, run: MirrorRun) => ProgressTask {
  let task: ProgressTask | null = null;
  return (total, { index, count }) => {
    task ??= start(total * count);
    const of = task;
    return {
      advance: (windows) => of.advance(windows),
      done: () => (index === count - 1 ? of.done() : undefined),
    };
  };
}

/** Reports the windows of one network over one case. */
export function windowsReport(
  given: Pick<WindowsEvent, "case" | "stage" | "total">,
  onEvent: EventListener,
): ProgressTask {
  let done = 0;
  const report = (isLast: boolean): void => onEvent({ kind: "windows", ...given, done, isLast });
  report(false);
  return {
    advance(windows) {
      done += windows;
      report(false);
    },
    done: () => report(true),
  };
}

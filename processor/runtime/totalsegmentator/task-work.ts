import { answerClasses } from "../../contract/answer-labels.js";
import { caseNote } from "../../contract/progress/run-event.js";
import { sharedError } from "../../contract/shared-errors.js";
import { stackChannels } from "../../imaging/formats/stack-channels.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { CaseRequest } from "../cases/case.js";
import { writeInputVolumes } from "../outputs/input-volume-output.js";
import { writeResults } from "../outputs/output-kinds.js";
import { ReusedMemory } from "../preprocess/reused-memory.js";
import type { PredictedWork, PreparedWork } from "../segment/case-work.js";
import { readImages } from "../segment/read-case.js";
import { readMask } from "../segment/read-mask.js";
import { refineAnswer } from "../segment/refine-answer.js";
import type { SegmentContext } from "../segment/segment-context.js";
import { answerTask, type FinishedTask, type PlacedTask } from "./answer-task.js";
import { runWithOptions } from "./run-options.js";
import { modelsInOrder } from "./run-order.js";
import { segmentPart } from "./segment-part.js";
import type { TaskTools } from "./segment-task.js";
import { taskImage } from "./task-image.js";
import { writeTaskFiles } from "./write-task.js";

/** What the report says about a case whose rough segmentation has none of the classes to crop to. */
const emptyCrop = "CROP_EMPTY";

/** Reads a case for one of TotalSegmentator's tasks. */
export async function prepareTask(request: CaseRequest, context: SegmentContext): Promise<PreparedWork> {
  const { opened, settings, tools } = context;
  refuseRequest(request);
  const warnings: string[] = [];
  const onWarning = (line: string): void => {
    tools.onEvent(caseNote(request.name, "image", line));
    warnings.push(line);
  };
  const plan = opened.manifest.totalsegmentator!;
  const run = runWithOptions(plan, settings);
  const images = await readImages(request, context, onWarning);
  const [image] = images;
  if (request.outputs.some(({ kind }) => kind === "input-volume"))
    await writeInputVolumes(
      request,
      stackChannels(images, { channelNames: opened.model.channelNames, onWarning }),
    );
  const task: Task = { request, plan, run, image: taskImage(image!, onWarning), warnings };
  return { warnings, predict: () => predict(task, context) };
}

interface Task extends PlacedTask {
  readonly request: CaseRequest;
  readonly warnings: string[];
}

/** Refuses what needs the probabilities of a network, because a task merges the labels of several. */
function refuseRequest({ outputs, refinement }: CaseRequest): void {
  const unfit = outputs.find(({ kind }) =>
    ["probabilities", "probability-map", "candidate-map", "dicom-probabilities", "dicom-candidates"].includes(
      kind,
    ),
  );
  if (unfit !== undefined || (refinement?.candidates ?? null) !== null || (refinement?.crop ?? null) !== null)
    throw sharedError(
      "USAGE",
      "TotalSegmentator's tasks give labels; probabilities and boxes of one's own are not for them",
    );
}

async function predict(task: Task, context: SegmentContext): Promise<PredictedWork> {
  const { pool } = context.tools;
  const answer = await answerTask(task, taskTools(task, context));
  const reference = task.request.refinement?.reference ?? null;
  const refined = await refineAnswer(
    { labelMap: answer.labelMap, classMap: null },
    {
      request: task.request,
      isEmpty: false,
      reference: reference === null ? null : await readMask(reference.input, task.image.geometry, pool),
    },
    pool,
  );
  return {
    candidates: null,
    removed: [],
    write: () => write({ ...answer, labelMap: refined.labelMap }, task, context),
  };
}

function taskTools({ request, run, warnings }: Task, context: SegmentContext): TaskTools {
  const { opened, settings, tools } = context;
  const order = modelsInOrder(run);
  const waiting = [...order];
  const isSingle = new Set(order).size === 1;
  const memory = new ReusedMemory();
  return {
    pool: tools.pool,
    settings,
    onEmptyCrop({ task, crop }) {
      const names = crop!.by.classes.filter(({ value }) => crop!.labels.includes(value));
      const wanted = names.map(({ name }) => name).join(", ");
      const line = `${emptyCrop}: the rough segmentation for ${task} found no ${wanted}, so nothing is segmented`;
      tools.onEvent(caseNote(request.name, "image", line));
      warnings.push(emptyCrop);
    },
    segmentPart(part, volume, of) {
      waiting.splice(0, waiting.indexOf(part.model) + 1);
      const next = waiting[0] ?? (isSingle ? part.model : undefined);
      return segmentPart(
        volume,
        {
          caseName: request.name,
          member: opened.members[part.model]!,
          next: next === undefined ? null : opened.members[next]!,
          run: of,
          memory,
        },
        context,
      );
    },
  };
}

async function write(
  answer: FinishedTask,
  task: Task,
  { settings, tools: { hooks, pool } }: SegmentContext,
): Promise<LabelMap> {
  const { request } = task;
  const { source } = answer;
  const hookContext = { caseName: request.name, outputFile: request.outputs[0].path };
  const labelMap = await hooks.postProcessImage(answer.labelMap, source, hookContext);
  await writeTaskFiles({ ...answer, labelMap }, { ...task, settings }, pool);
  const names = answerClasses(task.plan, settings);
  await writeResults(request, { labelMap: { ...labelMap, names }, candidateMap: null }, source);
  return labelMap;
}

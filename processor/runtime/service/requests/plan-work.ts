import type { JobWork, MaskSource, StageInput, StageWork } from "../engine/job-work.js";
import type { ServedModels } from "../models/served-model.js";
import { type CompleteRequest, type ModelPart, requireModel } from "./complete-request.js";
import { parseSeries, type SeriesEntry } from "./series-entry.js";
import { unfitRequest } from "./unfit-request.js";

export interface PlanWorkOptions {
  readonly served: ServedModels;
  /** Resolves and checks a path of the request. */
  readonly resolveInput: (path: string) => Promise<string>;
  /** The folder whose only case is segmented if no series are named; null if series must be named. */
  readonly studyFolder: string | null;
  readonly outputDir: string;
  readonly archives: readonly string[];
  readonly allowedRoots: readonly string[];
  /** True if a model without metadata cannot write DICOM. */
  readonly needsMetadata: boolean;
  readonly maxVoxels: number;
}

interface Planned {
  readonly part: ModelPart;
  readonly stage: StageWork;
}

/**
 * Plans what an engine does for a request: one stage for each model, after the stages of the models whose results it takes as
 * channels.
 *
 * @throws SERIES_INVALID for series that are missing, unknown, or that wait for each other; what `resolveInput` throws
 */
export async function planWork(request: CompleteRequest, options: PlanWorkOptions): Promise<JobWork> {
  const planned: Planned[] = [];
  for (const part of request.models) await planModel(part, { request, options, planned, open: [] });
  const stages = planned.map(({ stage }) => stage) as [StageWork, ...StageWork[]];
  return {
    stages,
    outputDir: options.outputDir,
    isDicom: request.isDicom,
    archives: options.archives,
    allowedRoots: options.allowedRoots,
    maxVoxels: options.maxVoxels,
    minMemoryMib: Math.max(...planned.map(({ part }) => part.model.minMemoryMib)),
  };
}

interface PlanContext {
  readonly request: CompleteRequest;
  readonly options: PlanWorkOptions;
  readonly planned: Planned[];
  /** The models that wait for the result of the one that is planned. */
  readonly open: readonly string[];
}

/** Adds a model after those that it takes channels from. */
async function planModel(part: ModelPart, context: PlanContext): Promise<void> {
  const { request, options, planned, open } = context;
  const { model } = part;
  if (open.includes(model.id))
    throw unfitRequest(`from: the models ${[...open, model.id].join(" → ")} wait for each other`);
  const entries = part.series?.map(parseSeries) ?? null;
  const own = entries?.filter(({ source }) => source === "path") ?? [];
  for (const entry of entries ?? [])
    if (entry.source === "model") {
      const other = requireModel(entry.name, options.served);
      if (planned.some((found) => found.part.model.id === other.id)) continue;
      const listed = request.models.find((found) => found.model.id === other.id);
      const series = own.slice(0, other.channels.length).map(({ text }) => text);
      await planModel(listed ?? { ...part, model: other, series, classes: null, threshold: null }, {
        ...context,
        open: [...open, model.id],
      });
    }
  // A model that another one took channels from may be planned already.
  if (planned.some((found) => found.part === part)) return;
  planned.push({ part, stage: await stageOf(part, entries, context) });
}

async function stageOf(
  part: ModelPart,
  entries: readonly SeriesEntry[] | null,
  { request, options, planned }: PlanContext,
): Promise<StageWork> {
  const { model } = part;
  // Other kinds of models have names of their own.
  const hasNoMetadata = model.metadata === null && model.source === null;
  if (request.isDicom && options.needsMetadata && hasNoMetadata)
    throw unfitRequest(`is_dicom: the model ${model.id} has no metadata, which describes its DICOM results`);
  const cascade = await cascadeOf(part, { request, options, planned });
  return {
    modelId: model.id,
    modelDir: model.path!,
    checkpointName: part.checkpointName,
    folds: part.folds,
    inputs: await inputsOf(entries, { options, planned }),
    usesTta: part.usesTta,
    classes: part.classes,
    threshold: part.threshold,
    minConfidence: part.minConfidence,
    removeSmallerThan: part.removeSmallerThan,
    ...cascade,
    minIntersection: request.minIntersection,
    cropPaddingXyz: request.cropPaddingXyz,
    bValue: request.bValue,
    savesProbabilities: request.savesProbabilities && part.threshold !== null,
    savesInputs: request.savesInputs,
    writesStructures: request.isDicom && request.writesStructures,
    suffix: request.suffix,
    folder: `stage_${planned.length}`,
    metadata: model.metadata,
  };
}

async function inputsOf(
  entries: readonly SeriesEntry[] | null,
  { options, planned }: Pick<PlanContext, "options" | "planned">,
): Promise<readonly StageInput[]> {
  if (entries === null || entries.length === 0) {
    if (options.studyFolder === null) throw unfitRequest("series_folders must be defined");
    return [{ kind: "study", path: options.studyFolder }];
  }
  const inputs: StageInput[] = [];
  for (const { source, name, label, component } of entries)
    inputs.push(
      source === "path"
        ? { kind: "path", path: await options.resolveInput(name), label, component }
        : { kind: "stage", stage: placeOf(requireModel(name, options.served).id, planned), label, component },
    );
  return inputs;
}

const placeOf = (id: string, planned: readonly Planned[]): number =>
  planned.findLastIndex(({ part }) => part.model.id === id);

/** The masks of the first model come from the request; those of later ones from the model before. */
async function cascadeOf(
  part: ModelPart,
  { request, options, planned }: Pick<PlanContext, "request" | "options" | "planned">,
): Promise<{ readonly reference: MaskSource | null; readonly crop: MaskSource | null }> {
  const place = request.models.indexOf(part);
  const before = place > 0 ? request.models[place - 1]! : null;
  const beforeStage = planned.findIndex((found) => found.part === before);
  if (before === null || beforeStage === -1) {
    if (place !== 0) return { reference: null, crop: null };
    const fromPath = async (path: string | null): Promise<MaskSource | null> =>
      path === null ? null : { kind: "path", path: await options.resolveInput(path) };
    return { reference: await fromPath(request.intersectWith), crop: await fromPath(request.cropFrom) };
  }
  // A segmentation of candidates has the label 1 alone.
  const labels = before.threshold === null ? before.classes : null;
  const source: MaskSource = { kind: "stage", stage: beforeStage, labels };
  const has = (mode: "intersect" | "crop"): MaskSource | null =>
    before.cascadeModes.includes(mode) ? source : null;
  return { reference: has("intersect"), crop: has("crop") };
}

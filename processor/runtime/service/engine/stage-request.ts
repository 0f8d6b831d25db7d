import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { counted } from "../../../contract/counted.js";
import { sharedError } from "../../../contract/shared-errors.js";
import { imageError } from "../../../imaging/errors.js";
import { splitImageEnding } from "../../../imaging/formats/image-ending.js";
import type {
  CaseOutput,
  CaseRequest,
  ImageFile,
  ImageInput,
  MaskFile,
  Refinement,
} from "../../cases/case.js";
import { isDicomInput } from "../../cases/find-dicom.js";
import type { LoadedModel } from "../../model/load-model.js";
import { dicomOutputs } from "../../outputs/one-case-dicom.js";
import { filesOf as filesOfOutput } from "../../outputs/output-kinds.js";
import { requireInputSize } from "../requests/scan-size.js";
import type { JobWork, MaskSource, StageInput, StageWork } from "./job-work.js";
import { requireAllowed, studyInputs } from "./study-inputs.js";

/** The files that a stage writes. */
export interface StageOutputs {
  readonly labelMap: string;
  /** The probabilities of all classes, for a stage that takes a channel of them; null if no stage does. */
  readonly allProbabilities: string | null;
  /** The results that a client sees, with their kinds. */
  readonly shown: readonly { readonly kind: string; readonly path: string }[];
}

export interface StageRequestContext {
  readonly work: JobWork;
  readonly loaded: LoadedModel;
  readonly finished: readonly StageOutputs[];
}

/**
 * Returns what a model segments in a stage, and the files that come of it. Files of an earlier run in the same folder are
 * removed, because an empty segmentation has no DICOM files.
 *
 * @throws INPUT_NOT_FOUND, INPUT_CHANNELS
 */
export async function stageRequest(
  stage: StageWork,
  { work, loaded, finished }: StageRequestContext,
): Promise<{ readonly request: CaseRequest; readonly outputs: StageOutputs }> {
  const inputs: ImageInput[] = [];
  for (const input of stage.inputs) {
    if (input.kind === "stage") {
      inputs.push(await imageInput(input, finished));
      continue;
    }
    await requireAllowed(input.path, work.allowedRoots);
    const found =
      input.kind === "study" ? await studyInputs(input.path, loaded) : [await imageInput(input, finished)];
    // A link in an allowed folder may lead out of it.
    for (const { path } of found) await requireAllowed(path, work.allowedRoots);
    inputs.push(...found);
  }
  const masks = [stage.reference, stage.crop].filter((mask) => mask?.kind === "path");
  for (const { path } of masks) await requireAllowed(path, work.allowedRoots);
  requireChannels(inputs, loaded, stage);
  const { maxVoxels = Number.POSITIVE_INFINITY } = work;
  for (const input of inputs) await requireInputSize(input, maxVoxels);
  for (const { path } of masks) await requireInputSize({ kind: "file", path, isAligned: true }, maxVoxels);
  const refinement = refinementOf(stage, finished);
  const folder = join(work.outputDir, stage.folder);
  const ending = stage.suffix === null ? "" : `_${stage.suffix}`;
  const labelMap = join(folder, `prediction${ending}.nii.gz`);
  const allProbabilities = isSourceOfProbabilities(work, work.stages.indexOf(stage))
    ? join(folder, ".probabilities.nii.gz")
    : null;
  const shown: CaseOutput[] = [
    { kind: "label-map", path: labelMap },
    ...(stage.savesProbabilities
      ? [{ kind: "candidate-map", path: join(folder, `proba${ending}.nii.gz`) } as const]
      : []),
    ...(stage.savesInputs
      ? inputs.map(
          (_, channel) =>
            ({
              kind: "input-volume",
              path: join(folder, `input_volume_${channel}.nii.gz`),
              channel,
            }) as const,
        )
      : []),
    ...(work.isDicom && inputs[0]!.kind === "dicom"
      ? await dicomOutputs(dicomOf(stage, { folder, ending }), loaded, refinement?.candidates ?? null)
      : []),
  ];
  const hidden: CaseOutput[] =
    allProbabilities === null ? [] : [{ kind: "probability-map", path: allProbabilities }];
  const outputs = [...shown, ...hidden] as [CaseOutput, ...CaseOutput[]];
  for (const file of outputs.flatMap(filesOfOutput)) await rm(file, { force: true });
  return {
    request: { name: stage.modelId, inputs, previousStage: null, refinement, outputs },
    outputs: { labelMap, allProbabilities, shown: shown.map(({ kind, path }) => ({ kind, path })) },
  };
}

async function imageInput(
  input: Exclude<StageInput, { kind: "study" }>,
  finished: readonly StageOutputs[],
): Promise<ImageInput> {
  const { label, component } = input;
  const part = label !== null ? { part: { label } } : component !== null ? { part: { component } } : {};
  if (input.kind === "stage") {
    const { labelMap, allProbabilities } = finished[input.stage]!;
    return {
      kind: "file",
      path: component === null ? labelMap : allProbabilities!,
      isAligned: true,
      ...part,
    };
  }
  const { path } = input;
  const info = await stat(path).catch(() => null);
  if (info === null) throw sharedError("INPUT_NOT_FOUND", `${path} does not exist`);
  if (await isDicomInput(path, info)) return { kind: "dicom", path };
  const image = info.isDirectory() ? await onlyImage(path) : path;
  const file: ImageFile = { kind: "file", path: image, isAligned: true, ...part };
  return file;
}

/** Returns the image of a series' folder that is not DICOM. */
async function onlyImage(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter(
    (name) => !name.startsWith(".") && splitImageEnding(name) !== null,
  );
  const [name, ...others] = names.sort();
  if (name !== undefined && others.length === 0) return join(folder, name);
  const found = names.length === 0 ? "" : `, but ${names.slice(0, 5).join(", ")}`;
  throw sharedError(
    "INPUT_NOT_FOUND",
    `${folder} has no DICOM series${found}; of other formats, name the file of each channel`,
  );
}

function requireChannels(
  inputs: readonly ImageInput[],
  { model }: LoadedModel,
  { modelId }: StageWork,
): void {
  const { channelNames } = model;
  // A single file may hold all channels.
  const mayHoldAll = inputs.length === 1 && inputs[0]!.kind === "file";
  if (inputs.length === channelNames.length || mayHoldAll) return;
  throw imageError(
    "INPUT_CHANNELS",
    `${modelId} takes ${counted(channelNames.length, "series", "series")} (${channelNames.join(", ")}), but ${inputs.length} ${inputs.length === 1 ? "is" : "are"} named`,
  );
}

function refinementOf(stage: StageWork, finished: readonly StageOutputs[]): Refinement {
  const { threshold, minConfidence, classes, reference, minIntersection, crop, cropPaddingXyz } = stage;
  return {
    smallestObject: stage.removeSmallerThan,
    candidates: threshold === null ? null : { classes, threshold, minConfidence },
    crop:
      crop === null
        ? null
        : {
            mask: maskOf(crop, finished),
            marginXyz: cropPaddingXyz,
            // A model that found nothing leaves nothing for the next one.
            mayBeEmpty: crop.kind === "stage",
          },
    reference: reference === null ? null : { input: maskOf(reference, finished), minIntersection },
    ...(classes === null ? {} : { keptLabels: classes }),
  };
}

function maskOf(source: MaskSource, finished: readonly StageOutputs[]): MaskFile {
  if (source.kind === "path") return { kind: "file", path: source.path };
  const { labels } = source;
  const { labelMap: path } = finished[source.stage]!;
  return { kind: "file", path, labels: labels ?? "any" };
}

/** Returns whether a later stage takes a class's probabilities of a stage. */
const isSourceOfProbabilities = ({ stages }: JobWork, place: number): boolean =>
  stages.some(({ inputs }) =>
    inputs.some((input) => input.kind === "stage" && input.stage === place && input.component !== null),
  );

function dicomOf(
  { metadata, savesProbabilities, writesStructures }: StageWork,
  { folder, ending }: { readonly folder: string; readonly ending: string },
) {
  return {
    segmentationPath: join(folder, `prediction${ending}.dcm`),
    structureSetPath: writesStructures ? join(folder, `struct${ending}.dcm`) : null,
    probabilities: savesProbabilities
      ? { path: join(folder, `proba${ending}.dcm`), form: "fractional" as const, metadata: null }
      : null,
    metadata: metadata === null ? null : { place: "metadata of the model", given: metadata },
    emptyMetadata: null,
  };
}

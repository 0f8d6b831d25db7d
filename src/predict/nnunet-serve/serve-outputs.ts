import { basename, join } from "node:path";
import { readMetadataFile } from "../../../processor/dicom-objects/read-metadata.js";
import type { CaseOutput } from "../../../processor/runtime/cases/case.js";
import type { GivenMetadata } from "../../../processor/runtime/outputs/dicom-results.js";
import type { OneCaseDicom } from "../../../processor/runtime/outputs/one-case-dicom.js";
import type { ServeRequest } from "./serve-request.js";

/** The files of a job, with nnunet_serve's names. */
export interface ServeFiles {
  readonly prediction: string;
  readonly probabilities: string;
  /** One for each channel; empty if they are not written. */
  readonly inputs: readonly string[];
  /** The DICOM objects that were written; empty for images that are not DICOM, and for an empty segmentation. */
  readonly dicom: readonly string[];
}

/** Returns the names of the files, below an absolute folder. */
export function serveFiles(request: ServeRequest, folder: string): ServeFiles {
  const { suffix, savesInputs, seriesPaths } = request;
  const ending = suffix === null ? "" : `_${suffix}`;
  return {
    prediction: join(folder, `prediction${ending}.nii.gz`),
    probabilities: join(folder, suffix === null ? "probabilities.nii.gz" : `proba_${suffix}.nii.gz`),
    inputs: savesInputs
      ? seriesPaths.map((_, channel) => join(folder, `volume_${String(channel).padStart(4, "0")}.nii.gz`))
      : [],
    dicom: [],
  };
}

/** Returns the DICOM results of a job, with nnunet_serve's names, below an absolute folder. */
export async function serveDicom(
  { dicom, suffix }: ServeRequest,
  { folder, absolute }: { readonly folder: string; readonly absolute: (path: string) => string },
): Promise<OneCaseDicom> {
  const ending = suffix === null ? "" : `_${suffix}`;
  const read = async (path: string | null): Promise<GivenMetadata | null> =>
    path === null ? null : { place: basename(path), given: await readMetadataFile(absolute(path)) };
  return {
    segmentationPath: join(folder, `prediction${ending}.dcm`),
    structureSetPath: dicom.writesStructures ? join(folder, `struct${ending}.dcm`) : null,
    probabilities: dicom.writesFractional
      ? {
          path: join(folder, suffix === null ? "probabilities.dcm" : `proba_${suffix}.dcm`),
          form: dicom.fractionalAsSegments ? "steps" : "fractional",
          metadata: await read(dicom.fractionalMetadataPath),
        }
      : null,
    metadata: await read(dicom.metadataPath),
    emptyMetadata: await read(dicom.emptySegmentMetadata),
  };
}

/** Returns the files of the DICOM results. */
export const dicomFiles = ({ segmentationPath, structureSetPath, probabilities }: OneCaseDicom) =>
  [segmentationPath, structureSetPath, probabilities?.path ?? null].filter((path) => path !== null);

export function serveOutputs(
  { refinement: { candidates } }: Pick<ServeRequest, "refinement">,
  { prediction, probabilities, inputs }: Omit<ServeFiles, "dicom">,
): readonly [CaseOutput, ...CaseOutput[]] {
  return [
    { kind: "label-map", path: prediction },
    { kind: candidates === null ? "probability-map" : "candidate-map", path: probabilities },
    ...inputs.map((path, channel) => ({ kind: "input-volume", path, channel }) as const),
  ];
}

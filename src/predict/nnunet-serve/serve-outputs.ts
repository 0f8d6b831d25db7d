import { join } from "node:path";
import type { CaseOutput } from "../../../processor/runtime/cases/case.js";
import type { ServeRequest } from "./serve-request.js";

/** The files of a job, with nnunet_serve's names. */
export interface ServeFiles {
  readonly prediction: string;
  readonly probabilities: string;
  /** One for each channel; empty if they are not written. */
  readonly inputs: readonly string[];
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
  };
}

export function serveOutputs(
  { candidates }: Pick<ServeRequest, "candidates">,
  { prediction, probabilities, inputs }: ServeFiles,
): readonly [CaseOutput, ...CaseOutput[]] {
  return [
    { kind: "label-map", path: prediction },
    { kind: candidates === null ? "probability-map" : "candidate-map", path: probabilities },
    ...inputs.map((path, channel) => ({ kind: "input-volume", path, channel }) as const),
  ];
}

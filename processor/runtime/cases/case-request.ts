import { join } from "node:path";
import type { CaseRequest, FoundCase, ImageFile } from "./case.js";

export interface CaseRequestOptions {
  readonly folder: string;
  /** The ending of the segmentation, with the leading dot. */
  readonly ending: string;
  readonly savesProbabilities: boolean;
  /** Stands after the case's name; null for nothing. */
  readonly suffix: string | null;
  readonly previousStage: ImageFile | null;
}

/** Returns the name of a case's results, without ending. */
export const resultStem = (name: string, suffix: string | null): string =>
  suffix === null ? name : `${name}_${suffix}`;

/** Returns the request of a case whose outputs have its name, as nnU-Net's have: `<case>.nii.gz`, `<case>.npz`. */
export function caseRequest({ name, inputs }: FoundCase, options: CaseRequestOptions): CaseRequest {
  const { folder, ending, savesProbabilities, previousStage } = options;
  const stem = resultStem(name, options.suffix);
  const labelMap = { kind: "label-map", path: join(folder, `${stem}${ending}`) } as const;
  const probabilities = { kind: "probabilities", path: join(folder, `${stem}.npz`) } as const;
  return {
    name,
    inputs,
    previousStage,
    refinement: null,
    outputs: savesProbabilities ? [labelMap, probabilities] : [labelMap],
  };
}

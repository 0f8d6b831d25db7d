import { join } from "node:path";
import type { NvidiaRules } from "../../contract/manifest.js";
import type { CaseOutput, CaseRequest, FoundCase, ImageFile } from "./case.js";

export interface CaseRequestOptions {
  readonly folder: string;
  /** The ending of the segmentation, with the leading dot. */
  readonly ending: string;
  readonly savesProbabilities: boolean;
  /** Stands after the case's name; null for nothing. */
  readonly suffix: string | null;
  readonly previousStage: ImageFile | null;
  /** The files of a model of NVIDIA's nnU-Net; null for other models. */
  readonly nvidiaOutputs: NvidiaRules["outputs"] | null;
}

/** Returns the name of a case's results, without ending. */
export const resultStem = (name: string, suffix: string | null): string =>
  suffix === null ? name : `${name}_${suffix}`;

/**
 * Returns the request of a case whose outputs have its name, as nnU-Net's have: `<case>.nii.gz`, `<case>.npz`. A model of
 * NVIDIA's nnU-Net writes its own files of probabilities: `<case>.npy`, `<case>.npy.npz`.
 */
export function caseRequest({ name, inputs }: FoundCase, options: CaseRequestOptions): CaseRequest {
  const { folder, ending, savesProbabilities, previousStage, nvidiaOutputs } = options;
  const stem = resultStem(name, options.suffix);
  const labelMap: CaseOutput = { kind: "label-map", path: join(folder, `${stem}${ending}`) };
  const common = { name, inputs, previousStage, refinement: null };
  if (nvidiaOutputs === null) {
    const probabilities: CaseOutput = { kind: "probabilities", path: join(folder, `${stem}.npz`) };
    return { ...common, outputs: savesProbabilities ? [labelMap, probabilities] : [labelMap] };
  }
  const hasLabels = nvidiaOutputs.includes("nii");
  const forms = new Set(nvidiaOutputs.filter((form) => form !== "nii"));
  if (savesProbabilities && forms.size === 0) forms.add("npy");
  const files = [...forms].map(
    (form): CaseOutput => ({
      kind: "nvidia-probabilities",
      path: join(folder, `${stem}.npy${form === "npz" ? ".npz" : ""}`),
      form,
    }),
  );
  const [first = labelMap, ...others] = hasLabels ? [labelMap, ...files] : files;
  return { ...common, outputs: [first, ...others] };
}

import { join } from "node:path";
import { sharedError } from "../../contract/shared-errors.js";
import type { CaseOutput, FoundCase } from "../cases/case.js";
import { keepsEverything, type RefinementWishes } from "../cases/refinement-wishes.js";
import { type DicomExtras, plainDicom } from "../outputs/dicom-results.js";

/** What nnunet_serve can do besides nnU-Net's prediction, for any number of cases. */
export interface CaseExtras {
  readonly refinement: RefinementWishes;
  /** Stands after the name of a case in the names of its results; null for nothing. */
  readonly suffix: string | null;
  /** True to write the channels as they were read: `<case>_volume_0000.nii.gz`. */
  readonly savesInputs: boolean;
  /** True if images other than DICOM series are an error. */
  readonly requiresDicom: boolean;
  readonly dicom: DicomExtras;
}

export const noExtras: CaseExtras = {
  refinement: keepsEverything,
  suffix: null,
  savesInputs: false,
  requiresDicom: false,
  dicom: plainDicom,
};

/** @throws USAGE for wishes that contradict settings */
export function checkExtras(
  { refinement: { candidates, crop } }: CaseExtras,
  { exportMode, savesProbabilities }: { readonly exportMode: string; readonly savesProbabilities: boolean },
): void {
  if (candidates !== null && exportMode !== "normal")
    throw sharedError(
      "USAGE",
      `--class_idx needs the probabilities, which the export mode ${exportMode} leaves out`,
    );
  if (crop !== null && savesProbabilities)
    throw sharedError(
      "USAGE",
      "--crop_from and --save-probabilities cannot be used together: nnU-Net's files of probabilities hold whole images",
    );
}

/** Returns the outputs of a case besides nnU-Net's own. */
export function extraOutputs(
  { inputs }: FoundCase,
  { refinement, savesInputs }: CaseExtras,
  { folder, stem }: { readonly folder: string; readonly stem: string },
): readonly CaseOutput[] {
  const volumes = inputs.map(
    (_, channel): CaseOutput => ({
      kind: "input-volume",
      path: join(folder, `${stem}_volume_${String(channel).padStart(4, "0")}.nii.gz`),
      channel,
    }),
  );
  return [
    ...(refinement.candidates === null
      ? []
      : [{ kind: "candidate-map", path: join(folder, `${stem}_probabilities.nii.gz`) } as const]),
    ...(savesInputs ? volumes : []),
  ];
}

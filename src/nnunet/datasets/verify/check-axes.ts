import type { GridFacts, ImageFacts, LabelFacts } from "../examine-case.js";
import { isNibabel } from "../image-reader.js";
import { type CaseQuestion, failsLater, finding, someImages } from "./case-finding.js";
import { type DatasetFinding, steps } from "./dataset-finding.js";

/** nnU-Net's readers with nibabel take files with three axes only. */
export function dimensionFindings(
  question: CaseQuestion,
  images: readonly ImageFacts[],
  label: LabelFacts | null,
): readonly DatasetFinding[] {
  if (!isNibabel(question.reader)) return [];
  const files = [...images, ...(label === null ? [] : [label])];
  return files
    .filter(({ dimensions, components }) => dimensions === 2 || components > 1)
    .map((file) => {
      const axes = file.dimensions === 2 ? "two axes" : `${file.components} values for each voxel`;
      const text = `${file.path} has ${axes}, but ${question.reader} reads only files with three axes and one value`;
      return finding(question, {
        severity: "error",
        check: "image-dimensions",
        text,
        remedy: "Write the files as .nii.gz, which SimpleITKIO reads, and one file for each channel.",
        step: file === label ? steps.labelValues : steps.cases,
        nnunet: { kind: "stops", exception: "AssertionError", text },
      });
    });
}

/** SimpleITKIO takes the first axis of an image with colours, the slices, for channels, and then compares wrong axes. */
export function vectorFindings(
  question: CaseQuestion,
  files: readonly GridFacts[],
): readonly DatasetFinding[] {
  if (!question.reader.startsWith("SimpleITK")) return [];
  return files
    .filter(({ areVectors }) => areVectors)
    .flatMap(({ path, components }) => {
      const text = `${path} has ${components} values for each voxel, such as colours; ${question.reader} takes its slices for channels`;
      const draft = {
        severity: "error",
        check: "vector-image",
        text,
        remedy: "Write each of the values as a channel of its own: `<case>_0000`, `<case>_0001`, …",
      } as const;
      const line = "Error: Shape mismatch between segmentation and corresponding images.";
      return [
        finding(question, { ...draft, nnunet: failsLater(someImages, line) }),
        finding(question, {
          ...draft,
          nnunet: {
            kind: "stops",
            exception: "ValueError",
            text: "operands could not be broadcast together",
          },
        }),
      ];
    });
}

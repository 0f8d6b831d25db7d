import { isNibabel } from "../../../../processor/contract/reader-class.js";
import type { GridFacts, ImageFacts, LabelFacts } from "../examine-case.js";
import { type CaseQuestion, failsLater, finding, someImages } from "./case-finding.js";
import { isClose, isEqual, positions } from "./compare-grids.js";
import { type DatasetFinding, type NnunetEffect, steps } from "./dataset-finding.js";

/** nnU-Net's readers with nibabel, and the one with ITK that turns images, take files with three axes only. */
export function dimensionFindings(
  question: CaseQuestion,
  images: readonly ImageFacts[],
  label: LabelFacts | null,
): readonly DatasetFinding[] {
  const turns = question.reader === "SimpleITKIOWithReorient";
  if (!isNibabel(question.reader) && !turns) return [];
  const files = [...images, ...(label === null ? [] : [label])];
  return files
    .filter(
      ({ dimensions, components, areVectors }) =>
        dimensions === 2 || (components > 1 && !(turns && areVectors)),
    )
    .map((file) => {
      const axes = file.dimensions === 2 ? "two axes" : `${file.components} values for each voxel`;
      const text = `${file.path} has ${axes}, but ${question.reader} reads only files with three axes and one value`;
      return finding(question, {
        severity: "error",
        check: "image-dimensions",
        text,
        remedy: "Write the files as .nii.gz, which SimpleITKIO reads, and one file for each channel.",
        step: file === label ? steps.labelValues : steps.cases,
        nnunet: { kind: "stops", exception: turns ? "RuntimeError" : "AssertionError", text },
      });
    });
}

/** SimpleITKIO keeps the place of a file with as many numbers as it has axes, and nnU-Net fails to compare 2 or 4 with 3. */
export function axesFindings(question: CaseQuestion, a: GridFacts, b: GridFacts): readonly DatasetFinding[] {
  if (!question.reader.startsWith("SimpleITK") || a.axes === b.axes) return [];
  return [
    finding(question, {
      severity: "error",
      check: "axes",
      text: `${b.path} has ${b.axes} axes, but ${a.path} has ${a.axes}`,
      remedy:
        "Write all files of a case with the same axes, and each volume of a 4-D file as a channel of its own.",
      nnunet: { kind: "stops", exception: "ValueError", text: "operands could not be broadcast together" },
    }),
  ];
}

/** SimpleITKIO takes the first axis of an image with colours, the slices, for channels, and then compares wrong axes. */
export function vectorFindings(
  question: CaseQuestion,
  images: readonly ImageFacts[],
  label: LabelFacts | null,
): readonly DatasetFinding[] {
  if (!question.reader.startsWith("SimpleITK")) return [];
  const vectors = [...images, ...(label === null ? [] : [label])].filter(({ areVectors }) => areVectors);
  const [vector] = vectors;
  if (vector === undefined) return [];
  const texts = vectors.map(
    ({ path, components }) =>
      `${path} has ${components} values for each voxel, such as colours; ${question.reader} takes its slices for channels`,
  );
  return vectorEffects(question, images, label).map((nnunet, i) =>
    finding(question, {
      severity: "error",
      check: "vector-image",
      text: texts[Math.min(i, texts.length - 1)]!,
      remedy: "Write each of the values as a channel of its own: `<case>_0000`, `<case>_0001`, …",
      nnunet,
    }),
  );
}

/** The array that SimpleITKIO makes of a file: the axes of the file from the last to the first, then the values of a voxel. */
interface ReadersArray {
  readonly channels: number;
  /** The axes behind the channels. */
  readonly shape: readonly number[];
  /** The spacing as the reader gives it. It has two numbers for volumes with colours. */
  readonly spacing: readonly number[];
}

function arrayOf({ axes, areVectors, components, sizeZyx, spacingMmZyx }: GridFacts): ReadersArray {
  if (!areVectors) return { channels: components, shape: sizeZyx, spacing: spacingMmZyx };
  const [z, y, x] = sizeZyx;
  return axes === 2
    ? { channels: 1, shape: [y, x, components], spacing: spacingMmZyx.slice(1) }
    : { channels: z, shape: [y, x, components], spacing: spacingMmZyx.slice(1) };
}

/** Follows nnU-Net through a case with colours, to the end or to an exception. */
function vectorEffects(
  { channelCount }: CaseQuestion,
  images: readonly ImageFacts[],
  label: LabelFacts | null,
): readonly NnunetEffect[] {
  const silent: NnunetEffect = { kind: "silent" };
  const stop = (exception: string): NnunetEffect => ({ kind: "stops", exception, text: "" });
  const [first, ...others] = images;
  if (first === undefined) return [silent];
  const image = arrayOf(first);
  for (const other of others) {
    const { channels, shape } = arrayOf(other);
    if (!isEqual([channels, ...shape], [image.channels, ...image.shape])) return [stop("RuntimeError")];
    if (other.axes !== first.axes) return [stop("ValueError")];
  }
  if (label === null) return [silent];
  const effects: NnunetEffect[] = [];
  const print = (line: string) => effects.push(failsLater(someImages, line));
  const seg = arrayOf(label);
  const differ = "mismatch between segmentation and corresponding images.";
  if (!isEqual(image.shape, seg.shape)) print(`Error: Shape ${differ}`);
  if (image.spacing.length !== seg.spacing.length) return [...effects, stop("ValueError")];
  if (!isClose(image.spacing, seg.spacing)) print(`Error: Spacing ${differ}`);
  const channels = images.length * image.channels;
  if (channels !== channelCount)
    print(`Error: Unexpected number of modalities. Expected: ${channelCount}. Got: ${channels}.`);
  if (first.axes !== label.axes) return [...effects, stop("ValueError")];
  for (const { name } of positions(first, label, "SimpleITKIO"))
    effects.push({ kind: "warns", line: `Warning: ${name} ${differ}` });
  return effects.length === 0 ? [silent] : effects;
}

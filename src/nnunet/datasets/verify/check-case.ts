import { counted } from "../../../../processor/contract/counted.js";
import { someOf } from "../../../ground/some-of.js";
import { type GridFacts, type ImageFacts, isRead, type LabelFacts } from "../examine-case.js";
import { type CaseQuestion, failsLater, finding, someImages, someLabels } from "./case-finding.js";
import { axesFindings, dimensionFindings, vectorFindings } from "./check-axes.js";
import { allowReading } from "./check-folders.js";
import { channelPositions, isClose, isEqual, positions } from "./compare-grids.js";
import { type DatasetFinding, steps } from "./dataset-finding.js";

const shown = (values: readonly number[]): string =>
  values.map((value) => Number(value.toPrecision(10))).join(" × ");

/** Checks the files of one case: what nnU-Net checks, in its order, and what it does not notice. */
export function checkCase(question: CaseQuestion): readonly DatasetFinding[] {
  const { facts } = question;
  const images = facts.images.filter((image) => isRead(image));
  const label = isRead(facts.label) ? facts.label : null;
  const unread = unreadable(question);
  const values = label === null ? [] : labelValueFindings(question, label);
  const channels = images.length < facts.images.length ? [] : channelFindings(question, images);
  const vectors = vectorFindings(question, images, label);
  if (vectors.length > 0) return [...unread, ...values, ...channels, ...vectors];
  const first = label === null ? undefined : images[0];
  return [
    ...unread,
    ...dimensionFindings(question, images, label),
    ...values,
    ...channels,
    ...voxelFindings(question, images, label),
    ...(first === undefined ? [] : gridFindings(question, first, label!)),
    ...channelCountFindings(question, images),
    ...(first === undefined ? [] : positionFindings(question, first, label!)),
  ];
}

function unreadable(question: CaseQuestion): readonly DatasetFinding[] {
  const { images, label } = question.facts;
  const copyAgain = "Copy the file again from its source, or remove the case from the data set.";
  return [...images, label].flatMap((file) => {
    if (file === null) return [];
    const step = file === label ? steps.labelValues : steps.cases;
    const isClosed = !isRead<GridFacts>(file) && file.isClosed;
    const remedy = isClosed ? allowReading : copyAgain;
    const draft = { severity: "error", check: "unreadable", remedy, step } as const;
    if (isRead<GridFacts>(file)) {
      if (file.cutOff === null) return [];
      const text = `${file.cutOff}; nnU-Net's reader takes what there is, and 0 for the rest, and says nothing`;
      return [finding(question, { ...draft, text, nnunet: { kind: "silent" } })];
    }
    const { text, exception } = file;
    return [finding(question, { ...draft, text, nnunet: { kind: "stops", exception, text } })];
  });
}

function labelValueFindings(question: CaseQuestion, label: LabelFacts): readonly DatasetFinding[] {
  const unexpected = label.values.filter((value) => !question.expectedLabels.includes(value));
  if (unexpected.length > 0)
    return [
      finding(question, {
        severity: "error",
        check: "label-values",
        text: `${label.path} has the values ${someOf(unexpected)}, but dataset.json declares ${question.expectedLabels.join(", ")}`,
        remedy: "Declare the labels in dataset.json, or correct the file; labels are whole numbers.",
        step: steps.labelValues,
        nnunet: failsLater(
          someLabels,
          `Error: Unexpected labels found in file ${label.path}. Expected: ${question.expectedLabels.join(", ")}. Found: ${label.values.slice(0, 20).join(", ")}`,
        ),
      }),
    ];
  if (label.values.some((value) => value > 0)) return [];
  return [
    finding(question, {
      severity: "note",
      check: "empty-label",
      text: `${label.path} is background everywhere`,
      remedy: "This is right if nothing is to be seen in the image; otherwise label it.",
      nnunet: { kind: "silent" },
    }),
  ];
}

/** Compares the channels as nnU-Net's readers do: sizes must be equal and spacings close, other differences are printed. */
function channelFindings(question: CaseQuestion, images: readonly ImageFacts[]): readonly DatasetFinding[] {
  const [first, ...others] = images;
  if (first === undefined) return [];
  return others.flatMap((other): readonly DatasetFinding[] => {
    const pair = `${other.path} and ${first.path}`;
    const stop = (what: string, a: readonly number[], b: readonly number[]) => {
      const text = `${pair} differ in ${what}: ${shown(a)} and ${shown(b)}`;
      return finding(question, {
        severity: "error",
        check: `channels-${what.split(" ")[0]}`,
        text,
        remedy: "Put all channels of a case on one grid, for example with `SimpleITK.Resample`.",
        nnunet: { kind: "stops", exception: "RuntimeError", text: "" },
      });
    };
    const shape = ({ components, sizeZyx }: GridFacts) => [components, ...sizeZyx];
    if (!isEqual(shape(first), shape(other)))
      return [stop("shape (components, z, y, x)", shape(other), shape(first))];
    const axes = axesFindings(question, first, other);
    if (axes.length > 0) return axes;
    if (!isClose(other.spacingMmZyx, first.spacingMmZyx))
      return [stop("spacing (z, y, x in mm)", other.spacingMmZyx, first.spacingMmZyx)];
    return channelPositions(first, other, question.reader).map(({ name, a, b }) =>
      finding(question, {
        severity: "warning",
        check: `channels-${name.toLowerCase()}`,
        text: `${pair} differ in ${name.toLowerCase()}: ${shown(b)} and ${shown(a)}`,
        remedy: "Check that the channels show the same places; nnU-Net takes them voxel by voxel.",
        nnunet: { kind: "warns", line: `WARNING! Not all input images have the same ${name.toLowerCase()}!` },
      }),
    );
  });
}

function voxelFindings(
  question: CaseQuestion,
  images: readonly ImageFacts[],
  label: LabelFacts | null,
): readonly DatasetFinding[] {
  const findings: DatasetFinding[] = [];
  for (const image of images) {
    if (image.nanVoxels > 0)
      findings.push(
        finding(question, {
          severity: "error",
          check: "nan",
          text: `${image.path}: ${counted(image.nanVoxels, "voxel")} NaN`,
          remedy: "Replace NaN by a value that makes sense for the image, such as that of air.",
          nnunet: failsLater(someImages, `Images contain NaN pixel values. Images: ${image.path}`),
        }),
      );
    if (image.infiniteVoxels > 0)
      findings.push(
        finding(question, {
          severity: "warning",
          check: "infinite",
          text: `${image.path}: ${counted(image.infiniteVoxels, "voxel")} infinite`,
          remedy: "Replace them: infinite intensities spoil the normalisation.",
          nnunet: { kind: "silent" },
        }),
      );
  }
  for (const file of [...images, ...(label === null ? [] : [label])])
    if (file.zeroedVoxels > 0)
      findings.push(
        finding(question, {
          severity: "warning",
          check: "nan-read-as-0",
          text: `${file.path}: ${counted(file.zeroedVoxels, "voxel")} NaN or infinite; nnU-Net's reader takes 0 instead and says nothing`,
          remedy: "Replace them by a value that makes sense, if 0 does not.",
          nnunet: { kind: "silent" },
        }),
      );
  return findings;
}

/** Compares the label with the first channel. */
function gridFindings(
  question: CaseQuestion,
  image: ImageFacts,
  label: LabelFacts,
): readonly DatasetFinding[] {
  const findings: DatasetFinding[] = [];
  const differs = (check: string, name: string, a: readonly number[], b: readonly number[]) =>
    findings.push(
      finding(question, {
        severity: "error",
        check,
        text: `${label.path} and ${image.path} differ in ${name}: ${shown(b)} and ${shown(a)}`,
        remedy: "Put the label on the grid of the image, with nearest neighbours.",
        nnunet: failsLater(
          someImages,
          `Error: ${name[0]!.toUpperCase()}${name.slice(1).split(" ")[0]} mismatch between segmentation and corresponding images. Images: ${shown(a)}. Seg: ${shown(b)}. Seg file: ${label.path}`,
        ),
      }),
    );
  if (!isEqual(image.sizeZyx, label.sizeZyx))
    differs("label-shape", "shape (z, y, x)", image.sizeZyx, label.sizeZyx);
  if (!isClose(image.spacingMmZyx, label.spacingMmZyx))
    differs("label-spacing", "spacing (z, y, x in mm)", image.spacingMmZyx, label.spacingMmZyx);
  return findings;
}

/** Compares the places of the label and of the first channel. nnU-Net only warns, if both have the same number of axes. */
function positionFindings(
  question: CaseQuestion,
  image: ImageFacts,
  label: LabelFacts,
): readonly DatasetFinding[] {
  const axes = axesFindings(question, image, label);
  if (axes.length > 0) return axes;
  return positions(image, label, question.reader).map(({ name, a, b }) =>
    finding(question, {
      severity: "warning",
      check: `label-${name.toLowerCase()}`,
      text: `${label.path} and ${image.path} differ in ${name.toLowerCase()}: ${shown(b)} and ${shown(a)}`,
      remedy: "Look at both with `build_processor dataset show`; nnU-Net takes them voxel by voxel.",
      nnunet: {
        kind: "warns",
        line: `Warning: ${name} mismatch between segmentation and corresponding images. Images: ${shown(a)}. Seg: ${shown(b)}. Seg file: ${label.path}`,
      },
    }),
  );
}

function channelCountFindings(
  question: CaseQuestion,
  images: readonly ImageFacts[],
): readonly DatasetFinding[] {
  const { facts, channelCount } = question;
  const files = images.map(({ path }) => path);
  const found = images.reduce((sum, { components }) => sum + components, 0);
  if (images.length < facts.images.length || found === channelCount) return [];
  const line = `Error: Unexpected number of modalities. Expected: ${channelCount}. Got: ${found}. Images: ${files.join(", ")}`;
  return [
    finding(question, {
      severity: "error",
      check: "channel-count",
      text: `${question.id} has ${counted(found, "channel")} (${files.join(", ") || "no files"}), but dataset.json names ${channelCount}`,
      remedy:
        "Add the missing files, or remove those that are too many: `<case>_0000`, `<case>_0001`, … for each channel.",
      nnunet:
        images.length === 0
          ? { kind: "stops", exception: "IndexError", text: "list index out of range" }
          : failsLater(someImages, line),
    }),
  ];
}

import type { DatasetJson, DatasetLabel } from "./dataset-json.js";

/** The labels of a data set, as nnU-Net's LabelManager sees them. */
export interface LabelFamily {
  /** All values without the ignored one, ascending. */
  readonly allLabels: readonly number[];
  readonly ignoreLabel: number | null;
  readonly hasRegions: boolean;
  /** Foreground labels, ascending. */
  readonly foregroundLabels: readonly number[];
  /** The foreground entries in the file's order: one value, or the values of a region. */
  readonly foregroundEntries: readonly (readonly number[])[];
}

/** A rule of LabelManager that a data set breaks. */
export interface BrokenLabelRule {
  readonly check: string;
  readonly exception: string;
  readonly text: string;
  readonly remedy: string;
}

export function labelFamily({ labels }: Pick<DatasetJson, "labels">): LabelFamily {
  const ignore = labels.find(({ name }) => name === "ignore");
  const isNumber = ignore !== undefined && !ignore.isList && ignore.isText !== true;
  const ignoreLabel = isNumber ? ignore.values[0]! : null;
  const values = new Set(labels.filter((label) => label !== ignore).flatMap((label) => label.values));
  const allLabels = [...values].sort((a, b) => a - b);
  const hasRegions = labels.some(({ values: listed }) => listed.length > 1);
  const foregroundEntries = labels
    .filter((label) => label !== ignore)
    // nnU-Net compares with the number 0, so it takes a background "0" for a region.
    .filter(({ values: listed, isText }) => isText === true || !listed.every((value) => value === 0))
    .map((label) => label.values);
  return {
    allLabels,
    ignoreLabel,
    hasRegions,
    foregroundLabels: allLabels.filter((value) => value !== 0),
    foregroundEntries,
  };
}

/** Returns the rules that the labels break, in the order in which nnU-Net checks them. */
export function brokenLabelRules(dataset: DatasetJson): readonly BrokenLabelRule[] {
  const { labels, regionsClassOrder } = dataset;
  const family = labelFamily(dataset);
  const broken: BrokenLabelRule[] = [];
  const background = labels.find(({ name }) => name === "background");
  if (background === undefined)
    broken.push({
      check: "background",
      exception: "RuntimeError",
      text: "dataset.json declares no label `background`",
      remedy: 'Add "background": 0 to `labels`.',
    });
  else if (background.isList)
    broken.push({
      check: "background",
      exception: "RuntimeError",
      text: `the label \`background\` is the list [${background.values.join(", ")}], but must be the number 0`,
      remedy: 'Write "background": 0 in `labels`, without brackets, also beside regions.',
    });
  else if (background.values[0] !== 0)
    broken.push({
      check: "background",
      exception: "AssertionError",
      text: `the label \`background\` is ${background.values.join(", ")}, but must be 0`,
      remedy: "Renumber the labels so that the background is 0, in dataset.json and in the label files.",
    });
  if (family.hasRegions && regionsClassOrder === null)
    broken.push({
      check: "regions-class-order",
      exception: "AssertionError",
      text: "`labels` has regions (lists of values), but dataset.json has no `regions_class_order`",
      remedy: "Add `regions_class_order`: for each region, the label to write, the largest region first.",
    });
  else if (family.hasRegions && regionsClassOrder!.length !== family.foregroundEntries.length)
    broken.push({
      check: "regions-class-order",
      exception: "AssertionError",
      text: `\`regions_class_order\` has ${regionsClassOrder!.length} entries for ${family.foregroundEntries.length} regions${background?.isText === true ? '; the background "0" in quotes counts as one' : ""}`,
      remedy:
        background?.isText === true
          ? "Write the labels as numbers, without quotes."
          : "Give one label for each entry of `labels` besides background and ignore.",
    });
  const ignore = labels.find(({ name }) => name === "ignore");
  const highest = family.allLabels.reduce((most, value) => Math.max(most, value), 0);
  if (ignore !== undefined && family.ignoreLabel !== highest + 1)
    broken.push({
      check: "ignore-label",
      exception: "AssertionError",
      text: `the label \`ignore\` is ${written(ignore)}, but must be the number ${highest + 1}, one above the others`,
      remedy:
        ignore.values.length === 1 && ignore.values[0] === highest + 1
          ? "Write it as a number, without quotes or brackets."
          : "Renumber it in dataset.json and in the label files.",
    });
  return broken;
}

const written = ({ values, isList, isText }: DatasetLabel): string => {
  const listed = values.map((value) => (isText === true ? `"${value}"` : `${value}`)).join(", ");
  return isList ? `[${listed}]` : listed;
};

/** Returns the values that do not follow the one before, in ascending order (with ignore); empty if none do not. */
export function labelGaps(dataset: DatasetJson): readonly number[] {
  const { allLabels, ignoreLabel } = labelFamily(dataset);
  const expected = ignoreLabel === null ? allLabels : [...allLabels, ignoreLabel];
  return expected.filter((value, i) => i > 0 && value - expected[i - 1]! !== 1);
}

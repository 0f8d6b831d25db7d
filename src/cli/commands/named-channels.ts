import { sharedError } from "../../../processor/contract/shared-errors.js";
import { generateDatasetJson, nothingFurther } from "../../nnunet/datasets/generate-dataset-json.js";
import { generateTaskJson } from "../../nnunet/datasets/generate-task-json.js";
import { writePythonJson } from "../../nnunet/files/write-json.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";

export type NamedLabel = readonly [name: string, value: number | readonly number[]];

/** The channels and labels that a command line names. */
export interface NamedChannels {
  readonly channelNames: readonly string[];
  readonly labels: readonly NamedLabel[];
}

/**
 * Returns what `--channel` and `--label` say; null without them.
 *
 * @throws USAGE for one without the other
 */
export function namedChannels({
  channel = [],
  label = [],
}: Pick<DatasetCommandArguments, "channel" | "label">): NamedChannels | null {
  if (channel.length === 0 && label.length === 0) return null;
  if (channel.length > 0 && label.length > 0) return { channelNames: channel, labels: label.map(labelOf) };
  throw sharedError(
    "USAGE",
    "dataset.json needs --channel and --label, such as --channel CT --label background=0 liver=1",
  );
}

/** What a data set has besides the names of its channels and labels. */
export interface DatasetContents {
  readonly name: string;
  readonly fileEnding: string;
  /** The names of the cases, in nnU-Net's order. */
  readonly training: readonly string[];
  readonly test: readonly string[];
}

/**
 * Writes dataset.json as nnU-Net's own `generate_dataset_json` does.
 *
 * @throws USAGE for regions in v1, DATASET_INVALID for regions without an order
 */
export function writeNamedJson(
  path: string,
  { channelNames, labels }: NamedChannels,
  {
    contents: { name, fileEnding, training, test },
    args,
  }: {
    readonly contents: DatasetContents;
    readonly args: Pick<DatasetCommandArguments, "nnunet" | "regions-class-order">;
  },
): Promise<void> {
  const isTask = args.nnunet === "v1";
  const json = isTask
    ? generateTaskJson({ name, channelNames, labels: withoutRegions(labels), training, test })
    : generateDatasetJson({
        ...nothingFurther,
        channelNames,
        labels,
        caseCount: training.length,
        fileEnding,
        name,
        regionsClassOrder: args["regions-class-order"] ?? null,
      });
  return writePythonJson(path, json, { sortKeys: isTask });
}

const withoutRegions = (labels: readonly NamedLabel[]): readonly (readonly [string, number])[] =>
  labels.map(([name, value]) => {
    if (typeof value === "number") return [name, value];
    throw sharedError("USAGE", `nnU-Net v1 has no regions, but ${name} has the values ${value.join(", ")}`);
  });

/** Reads `liver=1` or `liver_and_tumour=1,2`. */
function labelOf(word: string): NamedLabel {
  const [, name, values] = /^([^=]+)=(\d{1,5}(?:,\d{1,5})*)$/.exec(word) ?? [];
  if (name === undefined || values === undefined)
    throw sharedError("USAGE", `--label takes words such as liver=1 or liver_and_tumour=1,2, not ${word}`);
  const numbers = values.split(",").map(Number);
  return [name, numbers.length === 1 ? numbers[0]! : numbers];
}

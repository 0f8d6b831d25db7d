import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Conversion } from "../../nnunet/conversion/convert-dataset.js";
import { type CaseCounts, convertPictures } from "../../nnunet/conversion/convert-pictures.js";
import { labelChanges } from "../../nnunet/conversion/relabel.js";
import { readDatasetJson } from "../../nnunet/datasets/dataset-json.js";
import { readPythonJsonObject } from "../../nnunet/files/read-json.js";
import { writePythonJson } from "../../nnunet/files/write-json.js";
import type { PythonJson } from "../../nnunet/python-json.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";
import { type NamedChannels, namedChannels, writeNamedJson } from "./named-channels.js";

type PictureArguments = Pick<
  DatasetCommandArguments,
  "spacing" | "relabel" | "channel" | "label" | "regions-class-order" | "nnunet"
>;

/**
 * Converts a folder of pictures, and writes its dataset.json: of `--channel` and `--label`, or of the source's dataset.json.
 *
 * @throws USAGE, and what `convertPictures` throws
 */
export async function convertPictureFolder(
  args: PictureArguments,
  conversion: Conversion & { readonly name: string },
): Promise<void> {
  const { source, name, tools } = conversion;
  const named = namedChannels(args);
  const spacingMmZyx = spacingOf(args.spacing);
  const changes = args.relabel === undefined ? null : labelChanges(args.relabel);
  const json = await jsonWriter({ named, name, source, args });
  await convertPictures({
    ...conversion,
    settings: { spacingMmZyx, labelChanges: changes },
    writeJson: async (folder, counts) => {
      if (json !== null) return json(join(folder, "dataset.json"), counts);
      tools.progress.note(
        "no dataset.json is written: --channel and --label name the channels and labels, as does a dataset.json of the source",
      );
    },
  });
}

function spacingOf(spacing: readonly number[] | undefined): Zyx | null {
  if (spacing === undefined) return null;
  const [z = 0, y = 0, x = 0] = spacing;
  if (spacing.length === 3 && spacing.every((length) => Number.isFinite(length) && length > 0))
    return [z, y, x];
  throw sharedError("USAGE", `--spacing takes three lengths in mm, z y x, not ${spacing.join(" ")}`);
}

interface JsonQuestion {
  readonly named: NamedChannels | null;
  readonly name: string;
  readonly source: string;
  readonly args: PictureArguments;
}

type JsonWriter = (path: string, counts: CaseCounts) => Promise<void>;

const fileEnding = ".nii.gz";

/** Returns null if nothing names the channels and labels. */
async function jsonWriter({ named, name, source, args }: JsonQuestion): Promise<JsonWriter | null> {
  const raw = await readPythonJsonObject(join(source, "dataset.json"));
  const channels = named ?? (raw === null || args.nnunet === "v2" ? null : await sourceChannels(source));
  if (channels !== null)
    return (path, counts) =>
      writeNamedJson(path, channels, { contents: { name, fileEnding, ...counts }, args });
  return raw === null
    ? null
    : (path, { training }) => writePythonJson(path, changedJson(raw, training.length), { sortKeys: false });
}

/** Keys of the source that are not true of the new data set: the reader and the paths of .png or .tif files. */
const sourceOnly = ["overwrite_image_reader_writer", "dataset"];

const changedJson = (raw: ReadonlyMap<string, PythonJson>, caseCount: number): PythonJson =>
  new Map<string, PythonJson>([
    ...[...raw].filter(([key]) => !sourceOnly.includes(key)),
    ["numTraining", caseCount],
    ["file_ending", fileEnding],
  ]);

async function sourceChannels(source: string): Promise<NamedChannels> {
  const { channelNames, labels } = await readDatasetJson(source);
  return {
    channelNames,
    labels: labels.map(({ name, values }) => [name, values.length === 1 ? values[0]! : values]),
  };
}

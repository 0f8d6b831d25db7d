import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ProcessorError } from "../../contract/errors.js";
import type { InferencePlan } from "../../contract/manifest.js";
import { sharedError } from "../../contract/shared-errors.js";
import { whyNotFound } from "../../files/why-unreadable.js";
import { imageError } from "../../imaging/errors.js";
import { splitImageEnding, supportedEndings } from "../../imaging/formats/image-ending.js";
import { runtimeError } from "../errors.js";
import { type FoundCase, imageFile } from "./case.js";
import { dicomCases } from "./dicom-cases.js";
import { isDicomInput, isPicture } from "./find-dicom.js";
import { foundInstead, type LeftOutFile } from "./left-out.js";
import { listFolder } from "./list-folder.js";

export interface FoundCases {
  readonly cases: readonly FoundCase[];
  /** Everything in the input folders that does not belong to a case. */
  readonly leftOut: readonly LeftOutFile[];
}

export interface FindCasesOptions {
  /** The folders and files, as the user gave them. */
  readonly inputs: readonly string[];
  readonly channelNames: readonly string[];
  /** The ending of the training images, with the leading dot. */
  readonly preferredEnding: string;
  /** True if a file without a channel's number may be a case with all channels, as in the Medical Segmentation Decathlon. */
  readonly mayHoldAllChannels: boolean;
}

/** A name in nnU-Net's form without its ending: the case, and the number of the channel in four digits. */
const channelSuffix = /^(.+)_(\d{4})$/;

/**
 * Groups files into cases as nnU-Net does: `<case>_0000<ending>`, `<case>_0001<ending>`, … A model with one channel
 * also takes a file without the number. Every known ending counts, in upper or lower case. A folder with DICOM files and
 * no other image is one series.
 *
 * @throws INPUT_NOT_FOUND, INPUT_AMBIGUOUS if two files are the same channel of a case
 */
export async function findCases(options: FindCasesOptions): Promise<FoundCases> {
  const { inputs, channelNames, preferredEnding, mayHoldAllChannels } = options;
  const listed = await listInputs(inputs, preferredEnding);
  const numbers = numbersByStem(listed.files);
  const groups = new Map<string, Map<number, string>>();
  const leftOut: LeftOutFile[] = [...listed.leftOut];
  for (const file of listed.files) {
    const part = channelOf(file, numbers, { channelCount: channelNames.length, mayHoldAllChannels });
    if (part === null) {
      leftOut.push({ path: file, reason: "not a channel of the model" });
      continue;
    }
    const { name, channel } = part;
    const group = groups.get(name) ?? new Map<number, string>();
    const other = group.get(channel);
    if (other !== undefined)
      throw runtimeError(
        "INPUT_AMBIGUOUS",
        `${other} and ${file} are both channel ${channel} of case ${name}`,
      );
    groups.set(name, group.set(channel, file));
  }
  const ofFiles = [...groups].sort(byName).map(([name, group]) => caseOf(name, group));
  const ofSeries =
    listed.series.length === 0
      ? []
      : dicomCases(listed.series, {
          channelNames,
          channelEndings: null,
          isInOrder: true,
        });
  if (ofFiles.length + ofSeries.length === 0) throw noCase(options, leftOut);
  return { cases: [...ofFiles, ...ofSeries], leftOut };
}

interface CasePart {
  readonly name: string;
  readonly channel: number;
}

/** Returns whether one file may hold all channels of a case, as for NVIDIA's nnU-Net and bundles of MONAI. */
export const mayHoldAllChannels = ({ nvidia, monai }: InferencePlan): boolean =>
  nvidia !== undefined || monai !== undefined;

interface ChannelQuestion extends Pick<FindCasesOptions, "mayHoldAllChannels"> {
  readonly channelCount: number;
}

/**
 * Returns the case and the channel that a file's name stands for; null if it names no channel and the model has
 * several.
 */
function channelOf(
  file: string,
  numbers: ReadonlyMap<string, ReadonlySet<number>>,
  { channelCount, mayHoldAllChannels }: ChannelQuestion,
): CasePart | null {
  const { stem } = splitImageEnding(basename(file))!;
  const [, name, digits] = channelSuffix.exec(stem) ?? [];
  if (name !== undefined) {
    const channel = Number(digits);
    if (channel < channelCount || isSurplus(channel, numbers.get(name)!, channelCount))
      return { name, channel };
  }
  return channelCount === 1 || mayHoldAllChannels ? { name: stem, channel: 0 } : null;
}

/** The most channels of a case. A larger number is a year, a date or the number of a patient. */
const mostChannels = 100;

/**
 * Returns whether a number beyond the model's channels still counts as a channel, because the case has other channels.
 * nnU-Net takes every `<case>_dddd` next to `<case>_0000` as a channel, and stops if there are too many.
 */
function isSurplus(number: number, others: ReadonlySet<number>, channelCount: number): boolean {
  const lowest = Math.min(...others);
  if (lowest >= channelCount) return false;
  if (number < mostChannels) return true;
  for (let i = lowest; i < number; i++) if (!others.has(i)) return false;
  return true;
}

function numbersByStem(files: readonly string[]): ReadonlyMap<string, ReadonlySet<number>> {
  const numbers = new Map<string, Set<number>>();
  for (const file of files) {
    const [, name, digits] = channelSuffix.exec(splitImageEnding(basename(file))!.stem) ?? [];
    if (name !== undefined) numbers.set(name, (numbers.get(name) ?? new Set()).add(Number(digits)));
  }
  return numbers;
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/**
 * Returns a case with its channels. Missing channels are reported when the case is read, because a file may hold
 * several channels, and the other cases can still run.
 */
function caseOf(name: string, group: ReadonlyMap<number, string>): FoundCase {
  const channelFiles = [...group].sort(([a], [b]) => a - b).map(([, file]) => file);
  return foundCase(name, channelFiles);
}

/** Returns a case with one file for each channel. */
export const foundCase = (name: string, channelFiles: readonly string[]): FoundCase => ({
  name,
  inputs: channelFiles.map(imageFile),
  ending: splitImageEnding(channelFiles[0]!)!.ending.toLowerCase(),
});

function noCase(
  { inputs, channelNames, preferredEnding }: FindCasesOptions,
  leftOut: readonly LeftOutFile[],
): ProcessorError {
  const wanted = channelNames.map((_, i) => `<case>_${String(i).padStart(4, "0")}${preferredEnding}`);
  return sharedError(
    "INPUT_NOT_FOUND",
    `no case in ${inputs.join(", ")}: files should be named ${wanted.join(", ")}${foundInstead(leftOut)}`,
  );
}

interface ListedInputs {
  readonly files: readonly string[];
  /** Folders and files of DICOM series. */
  readonly series: readonly string[];
  readonly leftOut: readonly LeftOutFile[];
}

async function listInputs(inputs: readonly string[], preferredEnding: string): Promise<ListedInputs> {
  const files: string[] = [];
  const series: string[] = [];
  const leftOut: LeftOutFile[] = [];
  for (const input of inputs) {
    const info = await stat(input).catch(async (cause: unknown) => {
      throw sharedError("INPUT_NOT_FOUND", `${input}${await whyNotFound(input, cause)}`, { cause });
    });
    if (await isDicomInput(input, info)) series.push(input);
    else if (info.isDirectory()) {
      const listed = await listFolder(input);
      const images = listed.imageNames.map((name) => join(input, name));
      const { kept, pictures } = withoutPictures(images, preferredEnding);
      for (const file of kept) files.push(file);
      for (const file of [...listed.leftOut, ...pictures]) leftOut.push(file);
    } else if (!info.isFile()) {
      throw sharedError("INPUT_NOT_FOUND", `${input} is neither a file nor a folder`);
    } else if (splitImageEnding(input) === null) {
      throw imageError("IMAGE_UNSUPPORTED", `${input}: known endings are ${supportedEndings.join(", ")}`);
    } else files.push(input);
  }
  return { files, series, leftOut };
}

/**
 * Removes pictures in a folder of volumes, where they are previews. In a folder of pictures, or for a model of
 * pictures, each picture is a case.
 */
function withoutPictures(
  images: readonly string[],
  preferredEnding: string,
): { readonly kept: readonly string[]; readonly pictures: readonly LeftOutFile[] } {
  const volumes = images.filter((file) => !isPicture(file));
  if (volumes.length === 0 || isPicture(preferredEnding)) return { kept: images, pictures: [] };
  const pictures = images
    .filter(isPicture)
    .map((path): LeftOutFile => ({ path, reason: "picture beside volumes" }));
  return { kept: volumes, pictures };
}

import { statSync } from "node:fs";
import { dirname } from "node:path";
import { counted } from "../../contract/counted.js";
import { ownEntry } from "../../contract/own-entry.js";
import { imageError } from "../../imaging/errors.js";
import { runtimeError } from "../errors.js";
import type { FoundCase } from "./case.js";
import { seriesName } from "./find-dicom.js";

export interface DicomCasesOptions {
  readonly channelNames: readonly string[];
  /** The endings of the names of each channel's series; null for _0000, _0001. */
  readonly channelEndings: Readonly<Record<string, string>> | null;
  /** True if the user gave the series in the order of the channels. */
  readonly isInOrder: boolean;
}

/** Segmentations of DICOM images have this ending, unless the user wants another. */
const ending = ".nii.gz";

/**
 * Groups series into cases. For a model with one channel, each series is a case. For a model with several, the series are
 * the channels of one case in the order given, or of several cases if all have names with a number: `<case>_0000`.
 *
 * @param paths folders, files or DICOMDIRs, each of one series
 * @throws INPUT_CHANNELS, INPUT_AMBIGUOUS
 */
export function dicomCases(paths: readonly string[], wanted: DicomCasesOptions): readonly FoundCase[] {
  refuseSlices(paths, wanted.channelNames.length);
  const cases = groupSeries(paths, wanted).map(
    ({ name, channels }): FoundCase => ({
      name,
      ending,
      inputs: channels.map((path) => ({ kind: "dicom", path })),
    }),
  );
  const names = cases.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined)
    throw runtimeError(
      "INPUT_AMBIGUOUS",
      `${counted(names.filter((name) => name === repeated).length, "series", "series")} would both be the case ${repeated}`,
    );
  return cases;
}

/** Refuses several files of one folder, which are the slices of a series rather than series of their own. */
function refuseSlices(paths: readonly string[], channelCount: number): void {
  if (paths.length === channelCount) return;
  const files = paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  const folders = files.map((path) => dirname(path));
  if (new Set(folders).size === folders.length) return;
  throw runtimeError(
    "INPUT_AMBIGUOUS",
    `${files.length} DICOM files are given, several of one folder; give the folder itself if they are the slices of one series`,
  );
}

interface SeriesGroup {
  readonly name: string;
  readonly channels: readonly string[];
}

function groupSeries(
  paths: readonly string[],
  { channelNames, channelEndings, isInOrder }: DicomCasesOptions,
): readonly SeriesGroup[] {
  const count = channelNames.length;
  if (count === 1)
    return paths.map((path) => ({ name: seriesName(path).replace(/_0000$/, ""), channels: [path] }));
  const endings = channelNames.map((name, i) =>
    channelEndings === null ? `_${String(i).padStart(4, "0")}` : ownEntry(channelEndings, name),
  );
  const groups = new Map<string, Map<number, string>>();
  for (const path of paths) {
    const name = seriesName(path);
    const channel = endings.findIndex((ending) => ending !== undefined && name.endsWith(ending));
    const caseName = channel === -1 ? null : name.slice(0, name.length - endings[channel]!.length);
    if (caseName === null || groups.get(caseName)?.has(channel) === true) {
      groups.clear();
      break;
    }
    groups.set(caseName, (groups.get(caseName) ?? new Map<number, string>()).set(channel, path));
  }
  if (groups.size > 0)
    return [...groups].map(([name, channels]) => ({
      name,
      channels: [...channels].sort(([a], [b]) => a - b).map(([, path]) => path),
    }));
  if (isInOrder && paths.length === count) return [{ name: seriesName(paths[0]!), channels: paths }];
  const names = endings.map((ending) => `<case>${ending ?? ""}`).join(", ");
  const found = paths.map(seriesName).join(", ");
  throw imageError(
    "INPUT_CHANNELS",
    isInOrder
      ? `the model takes ${counted(count, "series", "series")} (${channelNames.join(", ")}), in this order, but ${paths.length} ${paths.length === 1 ? "is" : "are"} given: ${found}`
      : `the folders of series should be named ${names} for the channels ${channelNames.join(", ")}, but are ${found}`,
  );
}

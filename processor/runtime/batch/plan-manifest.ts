import { isAbsolute, relative, resolve } from "node:path";
import { counted } from "../../contract/counted.js";
import { sharedError } from "../../contract/shared-errors.js";
import { splitImageEnding } from "../../imaging/formats/image-ending.js";
import { type FoundCase, placeOf } from "../cases/case.js";
import { dicomCases } from "../cases/dicom-cases.js";
import { findCases } from "../cases/find-cases.js";
import { seriesFolders } from "../cases/find-dicom.js";
import type { LeftOutFile } from "../cases/left-out.js";
import { listFolder } from "../cases/list-folder.js";
import { type CaseLine, isCaseName } from "./batch-case.js";
import { invalid } from "./batch-manifest.js";

export interface PlanOptions {
  /** Folders and files, absolute. */
  readonly inputs: readonly string[];
  /** The model's channels; null to take the number from the names of the files. */
  readonly channelNames: readonly string[] | null;
  /** The folder of the manifest, from which relative paths start. */
  readonly folder: string;
}

/** The cases of a manifest that is to be written. */
export interface PlannedManifest {
  readonly lines: readonly CaseLine[];
  readonly leftOut: readonly LeftOutFile[];
}

/**
 * Finds the cases of folders, as nnU-Net names them or as one DICOM series for each, and sorts them by name.
 *
 * @throws INPUT_NOT_FOUND, INPUT_AMBIGUOUS; BATCH_MANIFEST_INVALID with every missing channel and repeated name at once
 */
export async function planManifest(options: PlanOptions): Promise<PlannedManifest> {
  const { inputs, folder } = options;
  const channelNames = options.channelNames ?? (await channelsByName(inputs));
  const { cases, leftOut } = await findAll(inputs, channelNames);
  const sorted = [...cases].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const problems = sorted.flatMap((one, i) => problemsOf(one, sorted[i - 1] ?? null, channelNames));
  if (problems.length > 0) throw invalid(inputs.join(", "), problems);
  return { lines: sorted.map((one) => lineOf(one, folder)), leftOut };
}

/** Returns the text of a manifest. */
export const manifestText = ({ lines }: PlannedManifest): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join("");

async function findAll(inputs: readonly string[], channelNames: readonly string[]) {
  const series = await seriesOf(inputs);
  if (series.length > 0)
    return {
      cases: dicomCases(series, { channelNames, channelEndings: null, isInOrder: false }),
      leftOut: [],
    };
  return findCases({ inputs, channelNames, preferredEnding: ".nii.gz", mayHoldAllChannels: false });
}

/** Returns the series of the folders, if they have no other images. */
async function seriesOf(inputs: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const input of inputs) {
    if (splitImageEnding(input) !== null) return [];
    const { imageNames } = await listFolder(input).catch(() => ({ imageNames: [""] }));
    if (imageNames.length > 0) return [];
    for (const series of await seriesFolders(input)) found.push(series);
  }
  return found;
}

/** Counts the channels by the largest number of a file that ends as nnU-Net's do: `_0000`, `_0001`, … */
async function channelsByName(inputs: readonly string[]): Promise<readonly string[]> {
  const names: string[] = [];
  for (const input of inputs) {
    if (splitImageEnding(input) !== null) names.push(input);
    else for (const name of (await listFolder(input)).imageNames) names.push(name);
  }
  const numbers = names.map((name) => Number(/_(\d{4})$/.exec(splitImageEnding(name)?.stem ?? "")?.[1] ?? 0));
  const largest = numbers.reduce(
    (most, number) => (number < mostChannels ? Math.max(most, number) : most),
    0,
  );
  const count = largest + 1;
  return Array.from({ length: count }, (_, i) => `channel ${i}`);
}

/** A larger number is a year or the number of a patient. */
const mostChannels = 100;

function problemsOf(
  { name, inputs }: FoundCase,
  before: FoundCase | null,
  channelNames: readonly string[],
): readonly string[] {
  const problems: string[] = [];
  if (!isCaseName(name))
    problems.push(
      `${JSON.stringify(name)} is not a name for a case: up to 200 bytes, and no dot at its start`,
    );
  if (before?.name === name)
    problems.push(`${placeOf(before.inputs[0]!)} and ${placeOf(inputs[0]!)} would both be the case ${name}`);
  if (inputs.length !== channelNames.length)
    problems.push(
      `${name} has ${counted(inputs.length, "channel")} (${inputs.map(placeOf).join(", ")}), but there should be ${channelNames.length}: ${channelNames.join(", ")}`,
    );
  return problems;
}

/** Pictures stay pictures. */
const pictureEndings: readonly string[] = [".png", ".bmp", ".tif", ".tiff"];

function lineOf({ name, inputs, ending }: FoundCase, folder: string): CaseLine {
  const paths = inputs.map(({ path }) => fromFolder(path, folder));
  if (inputs[0]!.kind === "dicom") return { case: name, dicom: paths.length === 1 ? paths[0]! : paths };
  if (!pictureEndings.includes(ending)) return { case: name, inputs: paths };
  return { case: name, inputs: paths, output: `${name}${ending}` };
}

/** Returns a path from the manifest's folder, if it is in there, so that both can be moved together. */
function fromFolder(path: string, folder: string): string {
  const absolute = resolve(path);
  const below = relative(folder, absolute);
  return below === "" || below.startsWith("..") || isAbsolute(below) ? absolute : below;
}

/** @throws USAGE */
export function channelCount(word: number): readonly string[] {
  if (Number.isInteger(word) && word >= 1 && word <= mostChannels)
    return Array.from({ length: word }, (_, i) => `channel ${i}`);
  throw sharedError("USAGE", `--channels must be 1 to ${mostChannels}, but is ${word}`);
}

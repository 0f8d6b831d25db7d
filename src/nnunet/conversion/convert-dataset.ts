import { dirname, join } from "node:path";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { readPythonJsonObject } from "../files/read-json.js";
import { writePythonJson } from "../files/write-json.js";
import type { NnunetVersion } from "../folders.js";
import type { PythonJson } from "../python-json.js";
import { buildFolder, copyInto, filesBelow, filesOf } from "./build-folder.js";
import { splitChannels } from "./split-channels.js";

export interface ConversionTools {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface Conversion {
  readonly source: string;
  readonly target: string;
  readonly tools: ConversionTools;
}

type Entries = [string, PythonJson][];
type SourceJson = ReadonlyMap<string, PythonJson>;

/** Returns dataset.json of a source folder. */
async function sourceJson(source: string): Promise<SourceJson> {
  const raw = await readPythonJsonObject(join(source, "dataset.json"));
  if (raw === null) throw nnunetError("DATASET_INVALID", `${source} has no dataset.json`);
  return raw;
}

/** Exchanges values and names: v1 writes `{"0": "background"}`, v2 `{"background": 0}`. */
function turnedLabels(raw: SourceJson, source: string): PythonJson {
  const labels = requiredKey(raw, "labels", source);
  if (!(labels instanceof Map))
    throw nnunetError("DATASET_INVALID", `${source}: \`labels\` should be an object`);
  return new Map(
    [...(labels as SourceJson)].map(([word, value]) => {
      const [name, number] = [keyText(value), pythonInteger(word)];
      if (name === null || number === null)
        throw nnunetError(
          "DATASET_INVALID",
          `${source}: \`labels\` should be as in {"0": "background", "1": "liver"}`,
        );
      return [name, number];
    }),
  );
}

/** Returns the whole number that Python's `int` reads, such as those of " 1" and "+1"; null if it fails. */
function pythonInteger(word: string): number | null {
  if (!/^\s*[+-]?\d+(?:_\d+)*\s*$/.test(word) || word.length > 16) return null;
  return Number(word.replaceAll("_", ""));
}

/** Returns a name as Python writes it as a key of JSON; null if it cannot. */
function keyText(name: PythonJson): string | null {
  if (typeof name === "string") return name;
  return typeof name === "object" && name !== null ? null : String(name);
}

function requiredKey(raw: SourceJson, key: string, source: string): PythonJson {
  const value = raw.get(key);
  if (value !== undefined) return value;
  throw nnunetError("DATASET_INVALID", `${join(source, "dataset.json")}: the key \`${key}\` is missing`);
}

interface JsonChange {
  readonly source: string;
  /** Keys that are left out, besides `modality`. */
  readonly left: readonly string[];
  /** The order of the keys that are added. nnU-Net's two converters differ. */
  readonly lastKeys: readonly ("file_ending" | "channel_names")[];
}

/** Returns v1's or the Decathlon's dataset.json as v2's, with the other keys in their order. */
function version2Json(raw: SourceJson, { source, left, lastKeys }: JsonChange): PythonJson {
  const channels = requiredKey(raw, "modality", source);
  const labels = turnedLabels(raw, source);
  const kept: Entries = [...raw]
    .filter(([key]) => key !== "modality" && !left.includes(key))
    .map(([key, value]) => [key, key === "labels" ? labels : value]);
  const added = { file_ending: ".nii.gz", channel_names: channels };
  return new Map<string, PythonJson>([...kept, ...lastKeys.map((key) => [key, added[key]] as const)]);
}

interface FolderWork {
  readonly name: string;
  readonly files: readonly string[];
  readonly copy: (file: string, target: string) => Promise<void>;
}

/** Works on the files of several folders, one after the other, and reports the progress. */
async function fill(
  target: string,
  folders: readonly FolderWork[],
  { progress, signal }: ConversionTools,
): Promise<void> {
  const total = folders.reduce((sum, { files }) => sum + files.length, 0);
  const task = progress.start({ label: "converting", total, unit: "steps" });
  try {
    for (const { name, files, copy } of folders) {
      const folder = join(target, name);
      await makeFolder(folder);
      for (const file of files) {
        signal.throwIfAborted();
        await copy(file, folder);
        task.advance(1);
      }
    }
  } finally {
    task.done();
  }
}

/** Files that macOS and other programs leave behind begin with `.` or `_`. */
const isImage = (name: string): boolean => name.endsWith(".nii.gz") && !/^[._]/.test(name);

async function requiredFiles(source: string, name: string): Promise<readonly string[]> {
  const files = await filesOf(join(source, name));
  if (files === null) throw nnunetError("DATASET_INVALID", `${source} has no folder ${name}`);
  return files.filter(isImage);
}

const caseOf = (file: string): string => file.slice(0, -".nii.gz".length);

async function decathlonFolders(source: string): Promise<readonly FolderWork[]> {
  const split = (name: string) => (file: string, folder: string) =>
    splitChannels(join(source, name, file), folder, caseOf(file));
  const labels = await requiredFiles(source, "labelsTr");
  const tests = await requiredFiles(source, "imagesTs");
  const images = await requiredFiles(source, "imagesTr");
  return [
    { name: "imagesTr", files: images, copy: split("imagesTr") },
    { name: "imagesTs", files: tests, copy: split("imagesTs") },
    {
      name: "labelsTr",
      files: labels,
      copy: (file, folder) => copyInto(folder, join(source, "labelsTr", file)),
    },
  ];
}

/**
 * Converts a folder of the Medical Segmentation Decathlon to a data set of nnU-Net v2.
 *
 * @throws DATASET_INVALID, OUTPUT_EXISTS, and errors of images
 */
export async function convertDecathlon({ source, target, tools }: Conversion): Promise<void> {
  const folders = await decathlonFolders(source);
  const raw = await sourceJson(source);
  const left = ["training", "test"];
  for (const key of left) requiredKey(raw, key, source);
  const json = version2Json(raw, { source, left, lastKeys: ["file_ending", "channel_names"] });
  await buildFolder(target, async (folder) => {
    await fill(folder, folders, tools);
    await writePythonJson(join(folder, "dataset.json"), json, { sortKeys: false });
  });
}

/**
 * Converts a folder of the Decathlon to a task of nnU-Net v1: dataset.json is copied as it is. Unlike nnU-Net, it deletes
 * neither hidden files of the source nor an existing task.
 */
export async function convertDecathlonToTask({ source, target, tools }: Conversion): Promise<void> {
  const folders = await decathlonFolders(source);
  await sourceJson(source);
  await buildFolder(target, async (folder) => {
    await fill(folder, folders, tools);
    await copyInto(folder, join(source, "dataset.json"));
  });
}

/** The folders of a task that nnU-Net v2 takes over; the first two are needed. */
const taskFolders = ["imagesTr", "labelsTr", "imagesTs", "labelsTs", "imagesVal", "labelsVal"];

/**
 * Converts a task of nnU-Net v1 to a data set of v2.
 *
 * @throws DATASET_INVALID, OUTPUT_EXISTS
 */
export async function convertTask({ source, target, tools }: Conversion): Promise<void> {
  const folders: FolderWork[] = [];
  for (const [i, name] of taskFolders.entries()) {
    const files = await filesBelow(join(source, name));
    if (files === null && i < 2) throw nnunetError("DATASET_INVALID", `${source} has no folder ${name}`);
    if (files !== null)
      folders.push({
        name,
        files,
        copy: async (file, folder) => {
          const within = join(folder, dirname(file));
          await makeFolder(within);
          await copyInto(within, join(source, name, file));
        },
      });
  }
  const raw = await sourceJson(source);
  const left = ["tensorImageSize", "numTest", "training", "test"];
  for (const key of left) requiredKey(raw, key, source);
  const json = version2Json(raw, { source, left, lastKeys: ["channel_names", "file_ending"] });
  await buildFolder(target, async (folder) => {
    await fill(folder, folders, tools);
    await writePythonJson(join(folder, "dataset.json"), json, { sortKeys: false });
  });
}

/**
 * Returns number and name of a Decathlon folder such as `Task07_Pancreas`.
 *
 * @param version v1 takes names with another `_`, but only numbers of two digits
 * @throws USAGE unless nnU-Net takes the name
 */
export function decathlonName(
  folderName: string,
  version: NnunetVersion,
): { readonly number: number; readonly name: string } {
  const pattern = version === 1 ? /^Task(\d\d)_(.+)$/ : /^Task(\d{1,3})_([^_]+)$/;
  const [, number, name] = pattern.exec(folderName) ?? [];
  if (number !== undefined && name !== undefined) return { number: Number(number), name };
  const wanted =
    version === 1 ? "Task, two digits, _ and a name" : "Task, a number, _ and a name without another _";
  throw sharedError(
    "USAGE",
    `the name of a Decathlon folder must be ${wanted}, as in Task07_Pancreas, but is ${folderName}; --name gives the data set another name`,
  );
}

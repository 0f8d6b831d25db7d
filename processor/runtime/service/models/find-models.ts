import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { ProcessorError } from "../../../contract/errors.js";
import { manifestName } from "../../../contract/places.js";
import { readTextFile } from "../../../files/read-text-file.js";
import { serviceError } from "../errors.js";
import type { ServeSpec, SpecEntry } from "./read-spec.js";
import type { ServedModel } from "./served-model.js";

/** A folder of a model, as the server describes it before a job has loaded it. */
export type ModelFacts = Pick<ServedModel, "information" | "channels" | "labels" | "weightBytes" | "license">;

/** Returns the converted folder of a task of TotalSegmentator; null if this program does not run it. */
export type FindTask = (task: string, modelFolder: string) => Promise<string | null>;

const mostFolders = 100_000;
const deepest = 12;
const maxDatasetBytes = 64 << 20;

/**
 * Finds the folder of every model of the spec: a folder with `fold_0` (or a converted model) whose path below the model
 * folder contains `rel_path`, as literal text.
 *
 * @throws SPEC_INVALID if two folders match one model
 */
export async function findModels(spec: ServeSpec, totalseg: FindTask): Promise<readonly ServedModel[]> {
  const folders = await modelFolders(spec.modelFolder);
  const faults: string[] = [];
  const models: ServedModel[] = [];
  for (const entry of spec.models) models.push(await servedModel(entry, { spec, folders, totalseg, faults }));
  if (faults.length > 0) throw serviceError("SPEC_INVALID", faults.join("\n  "));
  return models;
}

interface FindContext {
  readonly spec: ServeSpec;
  readonly folders: readonly string[];
  readonly totalseg: FindTask;
  readonly faults: string[];
}

async function servedModel(entry: SpecEntry, context: FindContext): Promise<ServedModel> {
  const { id, name, aliases, relPath, totalsegTask, metadata, minMemoryMib, defaultArgs } = entry;
  const own = { id, name, aliases, relPath, totalsegTask, metadata, minMemoryMib, defaultArgs };
  const { path, error } = await placeOf(entry, context);
  if (path === null) return { ...own, ...noFacts, path, error };
  try {
    return { ...own, path, error: null, ...(await readFacts(path)) };
  } catch (failure) {
    return {
      ...own,
      ...noFacts,
      path: null,
      error: failure instanceof Error ? failure.message : String(failure),
    };
  }
}

export const noFacts: ModelFacts = {
  information: null,
  channels: [],
  labels: [],
  weightBytes: null,
  license: null,
};

async function placeOf(
  { id, relPath, totalsegTask }: SpecEntry,
  { spec, folders, totalseg, faults }: FindContext,
): Promise<{ readonly path: string | null; readonly error: string | null }> {
  if (totalsegTask !== null) {
    try {
      const path = await totalseg(totalsegTask, spec.modelFolder);
      const error =
        path === null ? `the task ${totalsegTask} of TotalSegmentator cannot be run by this program` : null;
      return { path, error };
    } catch (thrown) {
      // The other models do not wait for weights that cannot be fetched.
      if (!(thrown instanceof ProcessorError) || thrown.code === "INTERRUPTED") throw thrown;
      return { path: null, error: `${thrown.code}: ${thrown.message}` };
    }
  }
  const found = folders.filter((folder) =>
    `${relative(spec.modelFolder, folder).split(sep).join("/")}/`.includes(relPath!),
  );
  if (found.length > 1)
    faults.push(`${id}: rel_path ${relPath} is in the path of ${found.length} models: ${found.join(", ")}`);
  const path = found[0] ?? null;
  return {
    path,
    error:
      path === null ? `no folder with fold_0 below ${spec.modelFolder} has ${relPath} in its path` : null,
  };
}

/** Finds every folder that has a folder `fold_0`, or is a converted model. */
export async function modelFolders(root: string): Promise<readonly string[]> {
  const found: string[] = [];
  let looked = 0;
  const visit = async (folder: string, depth: number): Promise<void> => {
    if (depth > deepest || ++looked > mostFolders) return;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const names = entries.map(({ name }) => name);
    if (names.includes("fold_0") || names.includes("fold_all") || names.includes(manifestName)) {
      found.push(folder);
      return;
    }
    for (const { name } of entries
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .sort((a, b) => (a.name < b.name ? -1 : 1)))
      if (name !== "__MACOSX" && !name.startsWith(".")) await visit(join(folder, name), depth + 1);
  };
  await visit(root, 0);
  return found;
}

/** Reads `dataset.json`, or what a converted model says of itself. */
export async function readFacts(folder: string): Promise<ModelFacts> {
  const isConverted = (await stat(join(folder, manifestName)).catch(() => null))?.isFile() === true;
  const path = isConverted ? join(folder, manifestName) : await datasetFile(folder);
  const json = JSON.parse(await readTextFile(path, maxDatasetBytes)) as Readonly<Record<string, unknown>>;
  return isConverted ? factsOfManifest(json) : factsOfDataset(json);
}

/** nnU-Net v1 keeps no dataset.json, so the folder above may have it. */
async function datasetFile(folder: string): Promise<string> {
  for (const place of [folder, dirname(folder)]) {
    const path = join(place, "dataset.json");
    if ((await stat(path).catch(() => null))?.isFile() === true) return path;
  }
  throw serviceError("MODEL_UNAVAILABLE", `${basename(folder)} has no dataset.json`);
}

type Json = Readonly<Record<string, unknown>>;

function factsOfDataset(information: Json): ModelFacts {
  const channels = (information["channel_names"] ?? information["modality"] ?? {}) as Json;
  const labels = (information["labels"] ?? {}) as Json;
  // In v1, the number is the key.
  const isV1 = Object.keys(labels).every((key) => /^\d+$/.test(key));
  return {
    information,
    channels: Object.values(channels).map(String),
    labels: Object.entries(labels).map(([key, value]) =>
      isV1 ? { name: String(value), value: Number(key) } : { name: key, value },
    ),
    weightBytes: null,
    license: textOrNull(information["licence"] ?? information["license"]),
  };
}

function factsOfManifest(manifest: Json): ModelFacts {
  const [model] = manifest["models"] as readonly {
    readonly channelNames: readonly string[];
    readonly labels: { readonly names: readonly { readonly name: string; readonly value: unknown }[] };
  }[];
  const { channelNames } = model!;
  const task = manifest["totalsegmentator"] as
    | {
        readonly run: { readonly classes: readonly { readonly name: string; readonly value: unknown }[] };
      }
    | null
    | undefined;
  const labels =
    task === null || task === undefined
      ? model!.labels
      : { names: [{ name: "background", value: 0 }, ...task.run.classes] };
  return {
    information: {
      channel_names: Object.fromEntries(channelNames.map((name, i) => [String(i), name])),
      labels: Object.fromEntries(labels.names.map(({ name, value }) => [name, value])),
    },
    channels: channelNames,
    labels: labels.names,
    weightBytes: null,
    license: null,
  };
}

const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { manifestName } from "../../../contract/places.js";
import { readMetadataFile } from "../../../dicom-objects/read-metadata.js";
import { readTextFile } from "../../../files/read-text-file.js";
import { serviceError } from "../errors.js";
import { fileOfSource, type ModelSource } from "./model-source.js";
import type { ServeSpec, SpecEntry } from "./read-spec.js";
import type { ModelFacts, ServedModel } from "./served-model.js";

const mostFolders = 100_000;
const deepest = 12;
const maxDatasetBytes = 64 << 20;

/**
 * Finds the folder of every model of the spec: a folder with `fold_0` (or a converted model) whose path below the model
 * folder contains `rel_path`, as literal text. A model with a source gets its folder later.
 *
 * @throws SPEC_INVALID if two folders match one model
 */
export async function findModels(spec: ServeSpec): Promise<readonly ServedModel[]> {
  const folders = await modelFolders(spec.modelFolder);
  const faults: string[] = [];
  const models: ServedModel[] = [];
  for (const entry of spec.models) models.push(await servedModel(entry, { spec, folders, faults }));
  if (faults.length > 0) throw serviceError("SPEC_INVALID", faults.join("\n  "));
  return models;
}

interface FindContext {
  readonly spec: ServeSpec;
  readonly folders: readonly string[];
  readonly faults: string[];
}

async function servedModel(entry: SpecEntry, context: FindContext): Promise<ServedModel> {
  const { id, name, aliases, relPath, source: named, metadata: given, minMemoryMib, defaultArgs } = entry;
  const source = named === null ? null : absoluteSource(named, context.spec.modelFolder);
  const own = { id, name, aliases, relPath, source, metadata: given, minMemoryMib, defaultArgs };
  const failed = (error: string): ServedModel => ({ ...own, ...noFacts, path: null, error });
  try {
    const metadata = await metadataOf(given);
    if (source !== null)
      return { ...own, ...noFacts, metadata, path: null, error: await missingFile(source) };
    const { path, error } = placeOf(entry, context);
    if (path === null) return failed(error!);
    return { ...own, metadata, path, error: null, ...(await readFacts(path)) };
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

/** Reads the file that metadata name. As in nnunet_serve, a path counts before what is written next to it. */
async function metadataOf(given: unknown): Promise<unknown> {
  const { path } = typeof given === "string" ? { path: given } : ((given ?? {}) as Json);
  return typeof path === "string" ? readMetadataFile(resolve(path)) : given;
}

export const noFacts: ModelFacts = {
  information: null,
  channels: [],
  labels: [],
  weightBytes: null,
  license: null,
};

/** Paths of the spec start from the folder of the models. */
function absoluteSource(source: ModelSource, modelFolder: string): ModelSource {
  if (source.kind === "totalsegmentator") return source;
  const path = resolve(modelFolder, source.path);
  if (source.kind === "bundle") return { ...source, path };
  const { config } = source.options;
  const given = typeof config === "string" ? { config: resolve(modelFolder, config) } : {};
  return { ...source, path, options: { ...source.options, ...given } };
}

async function missingFile(source: ModelSource): Promise<string | null> {
  const path = fileOfSource(source);
  if (path === null || (await stat(path).catch(() => null)) !== null) return null;
  return `${path} does not exist`;
}

function placeOf(
  { id, relPath }: SpecEntry,
  { spec, folders, faults }: FindContext,
): { readonly path: string | null; readonly error: string | null } {
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

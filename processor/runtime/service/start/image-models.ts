import { basename, join, relative, sep } from "node:path";
import { loadModel } from "../../model/load-model.js";
import { type RoutingRule, readRoutingRules } from "../dicom/routing/routing-rules.js";
import { serviceError } from "../errors.js";
import { findModels, modelFolders, noFacts, readFacts } from "../models/find-models.js";
import { type ReadSpecOptions, readSpec, usualLoadTimeoutMin } from "../models/read-spec.js";
import { type ServedModel, ServedModels } from "../models/served-model.js";
import type { ServeSettings } from "./serve-settings.js";

/** What a server offers. */
export interface Served {
  /** The folder that the spec's models are in; null without a spec. */
  readonly modelFolder: string | null;
  readonly models: ServedModels;
  /** What happens to DICOM series that arrive. */
  readonly dicomRules: readonly RoutingRule[];
  /** How long the server may take to make its models ready. */
  readonly loadTimeoutMin: number;
}

/** Returns the models and rules of a spec, and notes its warnings. */
export async function specModels(
  path: string,
  options: ReadSpecOptions,
  note: (line: string) => void,
): Promise<Served> {
  const spec = await readSpec(path, options);
  for (const line of spec.warnings) note(line);
  const dicomRules = readRoutingRules(spec.dicomRules);
  const models = new ServedModels(await findModels(spec));
  return { models, dicomRules, loadTimeoutMin: spec.loadTimeoutMin, modelFolder: spec.modelFolder };
}

/**
 * Returns every model below a folder, under the name of its data set or folder.
 *
 * @throws SPEC_INVALID if there is none
 */
export async function folderModels(folder: string): Promise<Served> {
  const paths = await modelFolders(folder);
  if (paths.length === 0)
    throw serviceError(
      "SPEC_INVALID",
      `${folder} has no model: a folder with fold_0, fold_1, … and dataset.json`,
    );
  const models: ServedModel[] = [];
  for (const path of paths) models.push(await modelAt(path, idOf(path, folder)));
  const usual = { dicomRules: [], loadTimeoutMin: usualLoadTimeoutMin, modelFolder: folder };
  return { models: new ServedModels(models), ...usual };
}

/** `Dataset004_Liver` for `Dataset004_Liver/nnUNetTrainer__nnUNetPlans__3d_fullres`. */
function idOf(path: string, folder: string): string {
  const parts = relative(folder, path)
    .split(sep)
    .filter((part) => part !== "");
  return parts.join("/") || basename(path);
}

async function modelAt(path: string, id: string): Promise<ServedModel> {
  const own = {
    id,
    name: id,
    aliases: [],
    relPath: null,
    metadata: null,
    minMemoryMib: 0,
    defaultArgs: {},
    source: null,
  };
  try {
    return { ...own, path, error: null, ...(await readFacts(path)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...own, path: null, error: reason, ...noFacts };
  }
}

/** Returns the one model of an image, under the name of its task. */
export async function imageModels(
  folder: string,
  { spec, modelFolder }: ServeSettings,
  note: (line: string) => void,
): Promise<Served> {
  if (spec !== null) return specModels(spec, { modelFolder, faultsOfNvidia: () => [] }, note);
  const { manifest, members } = await loadModel(folder, null);
  const { name, id } = manifest.task;
  const weightBytes = members.reduce((sum, member) => sum + member.weightBytes, 0);
  const models = new ServedModels([
    {
      id: name,
      name,
      aliases: id === null ? [] : [String(id)],
      relPath: null,
      path: folder,
      error: null,
      metadata: null,
      minMemoryMib: 0,
      defaultArgs: imageDefaults(manifest.models[0].folds.map(({ fold }) => fold)),
      source: null,
      ...(await readFacts(folder)),
      weightBytes,
    },
  ]);
  return { models, dicomRules: [], loadTimeoutMin: usualLoadTimeoutMin, modelFolder: null };
}

/** An image has the folds that it was built with, and averages all of them. */
const imageDefaults = (folds: readonly string[]): Readonly<Record<string, unknown>> => ({ use_folds: folds });

/** The module that computes jobs in an image with converted models. */
export const convertedWorker = join(import.meta.dirname, "..", "engine", "worker-main.js");

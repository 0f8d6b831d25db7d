import { readFile, stat } from "node:fs/promises";
import type { LabelDefinition, PostProcessingStep } from "../../../processor/contract/manifest.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { Field } from "../fields.js";
import { numpyGlobals } from "../pickle/numpy-globals.js";
import { PickleGlobal } from "../pickle/pickle-global.js";
import { pythonGlobals } from "../pickle/python-globals.js";
import { readPickle } from "../pickle/read-pickle.js";
import { readJsonFile } from "../read-json-file.js";
import { parsePythonDict } from "./python-literal.js";

/** nnU-Net v2 has only this kind of post-processing. */
const keepLargest = "remove_all_but_largest_component_from_segmentation";

/** The files contain a few numbers per label. */
const maxPickleBytes = 2 ** 20;

/**
 * Reads the post-processing that `nnUNet_determine_postprocessing` (v1: `postprocessing.json`) or
 * `nnUNetv2_determine_postprocessing` (v2: `postprocessing.json`, `postprocessing.pkl`) chose. Returns the
 * steps in the order in which nnU-Net applies them.
 *
 * @throws MODEL_FILE_INVALID, CHECKPOINT_UNSAFE, CHECKPOINT_REFUSED, PLANS_UNSUPPORTED
 */
export async function readPostProcessing(
  file: string,
  labels: LabelDefinition,
): Promise<readonly PostProcessingStep[]> {
  if (file.endsWith(".pkl")) return readPickledSteps(file);
  const json = await readJsonFile(file);
  const keys = json.keys();
  if (keys.includes("for_which_classes")) return readV1Steps(json, labels);
  if (keys.includes("postprocessing_fns")) {
    const names = json
      .get("postprocessing_fns")
      .list()
      .map((name) => name.string());
    return readV2Steps(names, json.get("postprocessing_kwargs").list());
  }
  throw builderError(
    "MODEL_FILE_INVALID",
    `${file} names neither for_which_classes (v1) nor postprocessing_fns (v2)`,
  );
}

function readV1Steps(json: Field, labels: LabelDefinition): readonly PostProcessingStep[] {
  const classes = json.get("for_which_classes");
  const minimum = minimumSizes(json.get("min_valid_object_sizes"));
  // None stands for every label that is present. For absent labels there is nothing to remove.
  const entries = classes.isNull
    ? labels.foregroundLabels.map((label) => [label])
    : classes.list().map((entry) => (entry.isList ? entry.integers() : [entry.integer()]));
  return entries.map((entry) => {
    const key = entry.join(",");
    const minimumMm3 = minimum?.get(key) ?? null;
    if (minimum !== null && minimumMm3 === null)
      throw builderError("MODEL_FILE_INVALID", `${json.path}.min_valid_object_sizes has nothing for ${key}`);
    return { labels: entry, connectivity: 6, minimumMm3 };
  });
}

/** v1 writes a Python dictionary, or None, as text. */
function minimumSizes(field: Field): ReadonlyMap<string, number> | null {
  if (field.isNull) return null;
  return parsePythonDict(field.string(), field.path);
}

async function readPickledSteps(file: string): Promise<readonly PostProcessingStep[]> {
  const found = await stat(file).catch(async (cause: unknown) => {
    throw builderError("MODEL_FILE_INVALID", `${file}${await whyNotFound(file, cause)}`, { cause });
  });
  if (!found.isFile()) throw builderError("MODEL_FILE_INVALID", `${file} is not a file`);
  const { size } = found;
  if (size > maxPickleBytes)
    throw builderError("CHECKPOINT_REFUSED", `${file} is larger than ${maxPickleBytes} bytes`);
  const { value } = readPickle(await readFile(file), {
    source: file,
    globals: new Map([...pythonGlobals, ...numpyGlobals]),
  });
  const [names, settings] = new Field(value, file).list();
  if (names === undefined || settings === undefined)
    throw builderError("MODEL_FILE_INVALID", `${file} holds no functions with their arguments`);
  return readV2Steps(
    names.list().map((field) => (field.raw instanceof PickleGlobal ? nameIn(field.raw.name) : field.text())),
    settings.list(),
  );
}

/** Returns the name without its module for a function of nnU-Net, and the full name for any other. */
const nameIn = (qualifiedName: string): string => {
  const module = "nnunetv2.postprocessing.remove_connected_components.";
  return qualifiedName.startsWith(module) ? qualifiedName.slice(module.length) : qualifiedName;
};

function readV2Steps(names: readonly string[], settings: readonly Field[]): readonly PostProcessingStep[] {
  return names.map((name, i) => {
    const given = settings[i];
    if (name !== keepLargest || given === undefined)
      throw sharedError(
        "PLANS_UNSUPPORTED",
        `the post-processing function ${name} is not one of nnU-Net's; allowed is ${keepLargest}`,
      );
    const background = given.get("background_label");
    if (!background.isNull && background.integer() !== 0)
      throw sharedError("PLANS_UNSUPPORTED", `${background.path} is ${background.text()}, not 0`);
    return { labels: labelsOf(given.get("labels_or_regions")), connectivity: 26, minimumMm3: null };
  });
}

/** Returns the labels of a label, a region (several labels) or a list of both, as one list. */
function labelsOf(field: Field): readonly number[] {
  if (!field.isList) return [field.integer()];
  return [...new Set(field.list().flatMap((item) => (item.isList ? item.integers() : [item.integer()])))];
}

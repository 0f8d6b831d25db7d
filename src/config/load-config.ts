import { dirname, resolve } from "node:path";
import { Ajv, type ErrorObject } from "ajv";
import { counted } from "../../processor/contract/counted.js";
import { nearest } from "../../processor/contract/nearest-name.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { readMetadataFile } from "../../processor/dicom-objects/read-metadata.js";
import { didYouMean } from "../../processor/files/nearest-path.js";
import { readTextFile } from "../../processor/files/read-text-file.js";
import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { JsonFault, parseHandwritten, placesIn } from "../ground/untrusted/handwritten-json.js";
import {
  type ConfigJson,
  completeConfig,
  configurationNames,
  ensembleMember,
  namesConfiguration,
  type ProcessorConfig,
} from "./config.js";
import { configSchema } from "./schema/config-schema.js";

/** A limit far above the size of any config. */
const maxBytes = 2 ** 20;
/** A limit on reported faults, because finding the place of each takes time proportional to the file's length. */
const maxFaultsShown = 50;

/**
 * Reads and checks config.json; reports all faults at once, each with its place, what was found and what is allowed.
 *
 * @throws CONFIG_NOT_FOUND, CONFIG_NOT_JSON, CONFIG_INVALID
 */
export async function loadConfig(path: string): Promise<ProcessorConfig> {
  const text = await readConfigText(path);
  const config = checkConfig(parseJson(path, text), { path, text });
  return {
    ...config,
    modelSource: placeFrom(path, config.modelSource),
    onnxFiles: config.onnxFiles?.map((file) => placeFrom(path, file)) ?? null,
    ensemble: config.ensemble.map((member) => ({ ...member, model: placeFrom(path, member.model) })),
    previousStage: placeFrom(path, config.previousStage),
    nvidia: config.nvidia && { ...config.nvidia, config: placeFrom(path, config.nvidia.config) },
    settings: { ...config.settings, dicomMetadata: await metadataFrom(path, config.settings.dicomMetadata) },
    postProcessing: ["auto", "off"].includes(config.postProcessing)
      ? config.postProcessing
      : placeFrom(path, config.postProcessing),
  };
}

const readConfigText = (path: string): Promise<string> =>
  readTextFile(path, maxBytes).catch(async (cause: NodeJS.ErrnoException) => {
    const reason = cause.code === "ENOENT" ? await didYouMean(path) : ` (${cause.code ?? cause.message})`;
    throw builderError("CONFIG_NOT_FOUND", `No config file found at: ${path}${reason}`, { cause });
  });

/**
 * Reads what a file says about a model of NVIDIA's nnU-Net: a config.json with the object `nvidia`, or only that object.
 *
 * @throws CONFIG_NOT_FOUND, CONFIG_NOT_JSON, CONFIG_INVALID
 */
export async function loadNvidia(path: string): Promise<NvidiaOptions> {
  const text = await readConfigText(path);
  const json = parseJson(path, text);
  const isWhole = typeof json === "object" && json !== null && "nvidia" in json;
  const { nvidia } = isWhole ? checkConfig(json, { path, text }) : checkConfig({ nvidia: json }, { path });
  return { ...nvidia!, config: placeFrom(path, nvidia!.config) };
}

type DicomMetadata = ProcessorConfig["settings"]["dicomMetadata"];

/** Reads the file that `"dicom": {"path": …}` names, and returns metadata in config.json as it is. */
async function metadataFrom(configFile: string, metadata: DicomMetadata): Promise<DicomMetadata> {
  if (metadata === null || Object.keys(metadata).join() !== "path") return metadata;
  const { path } = metadata;
  if (typeof path === "string") return readMetadataFile(resolve(dirname(configFile), path));
  throw sharedError("CONFIG_INVALID", `${configFile} /dicom/path: a path is a text`);
}

/** Resolves a path relative to the config's folder, and returns an address unchanged. */
function placeFrom<S extends string | null>(configFile: string, source: S): S | string {
  const isPath = source !== null && !/^[a-z][a-z0-9+.-]+:/i.test(source);
  return isPath ? resolve(dirname(configFile), source) : source;
}

export interface CheckConfigOptions {
  /** For messages. */
  readonly path: string;
  /** The text of `json`. If it is absent, faults have no line number. */
  readonly text?: string;
}

/** @throws CONFIG_INVALID listing every fault */
export function checkConfig(json: unknown, { path, text }: CheckConfigOptions): ProcessorConfig {
  const validate = new Ajv({
    allErrors: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
  }).compile<ConfigJson>(configSchema);
  const isValid = validate(json);
  const faults = isValid
    ? contradictions(json)
    : validate.errors!.map(faultOf).filter((fault) => fault !== null);
  if (isValid && faults.length === 0) return completeConfig(json);
  const placeOf = text === undefined ? () => null : placesIn(text);
  const distinct = [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
  const lines = distinct.slice(0, maxFaultsShown).map(({ at, says }) => {
    const place = placeOf(at);
    const where = place === null ? "" : `${path}:${place.line}:${place.column} `;
    return at.length === 0 ? says : `${where}/${at.join("/")}: ${says}`;
  });
  if (distinct.length > lines.length) lines.push(`and ${distinct.length - lines.length} more`);
  const count = counted(distinct.length, "fault");
  throw sharedError(
    "CONFIG_INVALID",
    `${path} has ${count}:\n${lines.map((line) => `  ${line}`).join("\n")}`,
  );
}

interface ConfigFault {
  /** The path of the fault: keys and list indices; empty for the whole file. */
  readonly at: readonly string[];
  readonly says: string;
}

/** Faults that a schema cannot describe. */
function contradictions(json: ConfigJson): readonly ConfigFault[] {
  const { model, configuration } = json;
  const faults: ConfigFault[] = [];
  if (json.use_tta !== undefined && json.use_test_time_augmentations !== undefined)
    faults.push({
      at: ["use_tta"],
      says: "is another name of use_test_time_augmentations; give one of the two",
    });
  faults.push(...repeatedMembers(json));
  if (model === undefined) return faults;
  if (namesConfiguration(json)) {
    if (configuration !== undefined)
      faults.push({
        at: ["configuration"],
        says: "model names a configuration already; give one of the two",
      });
    return faults;
  }
  const near = /^[23]d\w*$/i.test(model) ? nearest(model, configurationNames) : null;
  if (near !== null)
    faults.push({
      at: ["model"],
      says: `found "${model}"; did you mean ${near}? A folder is ./${model}`,
    });
  return faults;
}

/** Refuses a model that an ensemble names twice, because the second was probably meant to be another one. */
function repeatedMembers({ ensemble = [] }: ConfigJson): readonly ConfigFault[] {
  const places = new Map<string, number>();
  return ensemble.flatMap((member, i) => {
    const key = JSON.stringify(ensembleMember(member));
    const first = places.get(key);
    if (first === undefined) places.set(key, i);
    return first === undefined
      ? []
      : [{ at: ["ensemble", String(i)], says: `names the same model as /ensemble/${first}` }];
  });
}

function parseJson(path: string, text: string): unknown {
  try {
    return parseHandwritten(text);
  } catch (cause) {
    if (!(cause instanceof JsonFault)) throw cause;
    const { line, column } = cause.place;
    throw builderError(
      "CONFIG_NOT_JSON",
      `Failed to load the configuration file with error: ${path}:${line}:${column}: ${cause.message}`,
      { cause },
    );
  }
}

/** `found "zero", allowed: an integer of at least 0`, at `/folds/0`; null for an error that another one explains better. */
function faultOf(error: ErrorObject): ConfigFault | null {
  const at = error.instancePath.split("/").slice(1).map(unescaped);
  // Alternatives are reported together, by the error of the keyword that lists them.
  if (error.schemaPath.includes("/anyOf/")) return null;
  if (error.keyword === "additionalProperties") {
    const key = String(error.params["additionalProperty"]);
    const near = nearest(key, keysAt(error));
    return { at: [...at, key], says: `no such key${near === null ? "" : `; did you mean ${near}?`}` };
  }
  const found = `found ${shown(error.data)}`;
  switch (error.keyword) {
    case "enum": {
      const allowed = error.params["allowedValues"] as readonly unknown[];
      const near = typeof error.data === "string" ? nearest(error.data, allowed.map(String)) : null;
      const hint = near === null ? "" : `; did you mean ${near}?`;
      return { at, says: `${found}, allowed: ${allowed.join(", ")}${hint}` };
    }
    case "type":
      if (at.length === 0) return { at, says: `the file must hold a JSON object, ${found}` };
      return { at, says: `${found}, allowed: ${[error.params["type"]].flat().join(" or ")}` };
    case "anyOf": {
      const allowed = at.includes("folds")
        ? 'a fold\'s number or "all"'
        : "a configuration's name, or an object with model, configuration, checkpoint_name and folds";
      return { at, says: `${found}, allowed: ${allowed}` };
    }
    case "required":
      return { at, says: `${error.params["missingProperty"]} is missing` };
    case "pattern":
      return { at, says: `${found}, allowed: ${patternWords(error)}` };
    default:
      return { at, says: `${found}, which ${error.message}` };
  }
}

/** Returns the keys that the schema knows where an error is. */
function keysAt({ parentSchema }: ErrorObject): readonly string[] {
  const properties = (parentSchema as { readonly properties?: object } | undefined)?.properties;
  return Object.keys(properties ?? {});
}

/** The schema says in words what its patterns allow. */
function patternWords({ parentSchema, params }: ErrorObject): string {
  const words = (parentSchema as { readonly $comment?: unknown } | undefined)?.$comment;
  return typeof words === "string" ? words : `what fits ${params["pattern"]}`;
}

/** Decodes one part of a JSON pointer (RFC 6901) into its key. */
const unescaped = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

const shown = (value: unknown): string => {
  const text = asJson(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "nothing";
  } catch {
    return "lists or objects that are nested too deeply"; // V8 writes JSON recursively, and reads it without
  }
}

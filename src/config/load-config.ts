import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Ajv, type ErrorObject } from "ajv";
import type { TransformFailure } from "esbuild";
import { ProcessorError } from "../../processor/errors.js";
import { nearest } from "../../processor/nearest-name.js";
import { readTextFile } from "../../processor/read-text-file.js";
import { packageRoot } from "../package-root.js";
import {
  type ConfigJson,
  completeConfig,
  configurationNames,
  namesConfiguration,
  type ProcessorConfig,
} from "./config.js";

/** A JSON Schema as far as messages need it. */
export interface ConfigSchema {
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export async function readConfigSchema(): Promise<ConfigSchema> {
  return JSON.parse(await readFile(join(packageRoot, "config.schema.json"), "utf8")) as ConfigSchema;
}

/** Far more than a config has. */
const maxBytes = 2 ** 20;

/**
 * Reads and checks config.json; every fault is told at once, with its place, what was found and what is allowed.
 *
 * @throws CONFIG_NOT_FOUND, CONFIG_NOT_JSON, CONFIG_INVALID
 */
export async function loadConfig(path: string): Promise<ProcessorConfig> {
  const text = await readTextFile(path, maxBytes).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === "ENOENT" ? "" : ` (${cause.code ?? cause.message})`;
    throw new ProcessorError("CONFIG_NOT_FOUND", `No config file found at: ${path}${reason}`, { cause });
  });
  const config = checkConfig(await parseJson(path, text), { path, schema: await readConfigSchema() });
  return {
    ...config,
    modelSource: placeFrom(path, config.modelSource),
    onnxFiles: config.onnxFiles?.map((file) => placeFrom(path, file)!) ?? null,
    ensemble: config.ensemble.map((member) => ({ ...member, model: placeFrom(path, member.model) })),
    previousStage: placeFrom(path, config.previousStage ?? undefined) ?? null,
    postProcessing: ["auto", "off"].includes(config.postProcessing)
      ? config.postProcessing
      : placeFrom(path, config.postProcessing)!,
  };
}

/** A path counts from the config's folder; an address stays as it is. */
function placeFrom(configFile: string, source: string | undefined): string | undefined {
  const isPath = source !== undefined && !/^[a-z][a-z0-9+.-]+:/i.test(source);
  return isPath ? resolve(dirname(configFile), source) : source;
}

/** @throws CONFIG_INVALID listing every fault */
export function checkConfig(
  json: unknown,
  { path, schema }: { readonly path: string; readonly schema: ConfigSchema },
): ProcessorConfig {
  const validate = new Ajv({
    allErrors: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
  }).compile<ConfigJson>(schema);
  const isValid = validate(json);
  const faults = [
    ...new Set(
      (validate.errors ?? []).map((error) => describe(error, schema)).filter((line) => line !== null),
    ),
  ];
  if (isValid && json.use_tta !== undefined && json.use_test_time_augmentations !== undefined) {
    faults.push("/use_tta: is another name of use_test_time_augmentations; give one of the two");
  }
  if (isValid) faults.push(...modelFaults(json));
  if (isValid && faults.length === 0) return completeConfig(json);
  const count = `${faults.length} fault${faults.length === 1 ? "" : "s"}`;
  throw new ProcessorError(
    "CONFIG_INVALID",
    `${path} has ${count}:\n${faults.map((line) => `  ${line}`).join("\n")}`,
  );
}

function modelFaults(json: ConfigJson): readonly string[] {
  const { model, configuration } = json;
  if (model === undefined) return [];
  if (namesConfiguration(json)) {
    return configuration === undefined
      ? []
      : ["/configuration: model names a configuration already; give one of the two"];
  }
  const near = /^[23]d\w*$/i.test(model) ? nearest(model, configurationNames) : null;
  return near === null ? [] : [`/model: found "${model}"; did you mean ${near}? A folder is ./${model}`];
}

async function parseJson(path: string, text: string): Promise<unknown> {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ProcessorError(
      "CONFIG_NOT_JSON",
      `Failed to load the configuration file with error: ${path}: ${await placeOfFault(text)}`,
      { cause },
    );
  }
}

/** Node's own parser does not always tell where a text ceases to be JSON; the bundler's does. */
async function placeOfFault(text: string): Promise<string> {
  const { transform } = await import("esbuild");
  const failure = await transform(text, { loader: "json", logLevel: "silent" }).then(
    () => null,
    (error: TransformFailure) => error,
  );
  const fault = failure?.errors[0];
  if (fault?.location == null) return "it is not JSON";
  return `line ${fault.location.line}, column ${fault.location.column + 1}: ${fault.text}`;
}

/** `/folds/0: found "zero", allowed: an integer of at least 0`; null for an error that another one tells better. */
function describe(error: ErrorObject, schema: ConfigSchema): string | null {
  const place = error.instancePath === "" ? "/" : error.instancePath;
  const found = `found ${shown(error.data)}`;
  // Alternatives are told together, by the error of the keyword that lists them.
  if (error.schemaPath.includes("/anyOf/")) return null;
  switch (error.keyword) {
    case "additionalProperties": {
      const key = String(error.params["additionalProperty"]);
      const near = error.instancePath === "" ? nearest(key, Object.keys(schema.properties)) : null;
      return `${error.instancePath}/${key}: no such key${near === null ? "" : `; did you mean ${near}?`}`;
    }
    case "enum": {
      const allowed = error.params["allowedValues"] as readonly unknown[];
      const near = typeof error.data === "string" ? nearest(error.data, allowed.map(String)) : null;
      return `${place}: ${found}, allowed: ${allowed.join(", ")}${near === null ? "" : `; did you mean ${near}?`}`;
    }
    case "type":
      if (place === "/") return `the file must hold a JSON object, ${found}`;
      return `${place}: ${found}, allowed: ${[error.params["type"]].flat().join(" or ")}`;
    case "anyOf":
      return `${place}: ${found}, allowed: ${place.includes("/folds") ? 'a fold\'s number or "all"' : "a configuration's name, or an object with model, configuration, checkpoint_name and folds"}`;
    default:
      return `${place}: ${found}, which ${error.message}`;
  }
}

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

import { resolve } from "node:path";
import { nearest } from "../../../contract/nearest-name.js";
import { parseYaml } from "../../../files/parse-yaml.js";
import { readTextFile } from "../../../files/read-text-file.js";
import { whyNotFound } from "../../../files/why-unreadable.js";
import { serviceError } from "../errors.js";
import { defaultArgKeys, defaultArgs } from "../schemas/inference-request.js";
import { faultsOfValue } from "../schemas/validator.js";
import type { ModelSource } from "./model-source.js";

/** The file that names the models of a server. */
export interface ServeSpec {
  /** An absolute path. */
  readonly modelFolder: string;
  /** How long `/readyz` may say that the server is loading before it gives up. */
  readonly loadTimeoutMin: number;
  readonly models: readonly SpecEntry[];
  /** Rules for received DICOM series, which the DICOM receiver reads. */
  readonly dicomRules: unknown;
  readonly warnings: readonly string[];
}

/** One model of the file. */
export interface SpecEntry {
  readonly id: string;
  /** Null for a model with a source. */
  readonly relPath: string | null;
  readonly source: ModelSource | null;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly metadata: unknown;
  readonly minMemoryMib: number;
  readonly defaultArgs: Readonly<Record<string, unknown>>;
}

const maxSpecBytes = 1 << 20;
const usualMinMemoryMib = 4000;
/** The limit of a file that names none. */
export const usualLoadTimeoutMin = 60;
const topKeys = ["model_folder", "load_timeout_min", "models", "dicom_rules"];
const placeKeys = ["rel_path", "totalseg_task", "nvidia", "bundle"];
const entryKeys = [
  ...["id", ...placeKeys, "name", "aliases", "metadata", "min_mem"],
  ...["is_totalseg", "default_args"],
];

type Mapping = Readonly<Record<string, unknown>>;

const isMapping = (value: unknown): value is Mapping =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export interface ReadSpecOptions {
  /** Replaces the file's; null for none. */
  readonly modelFolder: string | null;
  /** Returns what is wrong with what the file says about a model of NVIDIA's nnU-Net. */
  readonly faultsOfNvidia: (options: Readonly<Record<string, unknown>>) => readonly string[];
}

/**
 * Reads the file of models, and reports all its faults at once.
 *
 * @throws SPEC_INVALID
 */
export async function readSpec(path: string, options: ReadSpecOptions): Promise<ServeSpec> {
  const text = await readTextFile(path, maxSpecBytes).catch(async (cause: unknown) => {
    throw serviceError("SPEC_INVALID", `${path}${await whyNotFound(path, cause)}`, { cause });
  });
  const { value, faults: found } = parseYaml(text, { maxAliases: 100, hasUniqueKeys: true });
  const faults = [...found];
  if (faults.length === 0 && !isMapping(value))
    faults.push("it must be a mapping with model_folder and models");
  const warnings: string[] = [];
  const spec = isMapping(value) ? specOf(value, { ...options, faults, warnings }) : null;
  if (faults.length > 0 || spec === null)
    throw serviceError("SPEC_INVALID", `${path}:\n  ${faults.join("\n  ")}`);
  return spec;
}

interface Findings extends ReadSpecOptions {
  readonly faults: string[];
  readonly warnings: string[];
}

function specOf(value: Mapping, findings: Findings): ServeSpec {
  const { modelFolder, faults, warnings } = findings;
  requireKnown(value, { known: topKeys, place: "", faults });
  const folder = modelFolder ?? value["model_folder"];
  if (typeof folder !== "string" || folder === "")
    faults.push("model_folder is missing: the folder of the models");
  const timeout = value["load_timeout_min"] ?? usualLoadTimeoutMin;
  if (typeof timeout !== "number" || !(timeout > 0))
    faults.push("load_timeout_min must be a number of minutes above 0");
  const list = value["models"];
  if (!Array.isArray(list) || list.length === 0)
    faults.push("models is missing: a list with at least one model");
  const models = (Array.isArray(list) ? list : []).flatMap((entry: unknown, place) =>
    entryOf(entry, `models[${place}]`, findings),
  );
  requireUnique(models, faults);
  return {
    modelFolder: resolve(String(folder)),
    loadTimeoutMin: Number(timeout),
    models,
    dicomRules: value["dicom_rules"] ?? null,
    warnings,
  };
}

function entryOf(value: unknown, place: string, findings: Findings): readonly SpecEntry[] {
  const { faults, warnings } = findings;
  if (!isMapping(value)) {
    faults.push(`${place} must be a mapping with id and one of ${placeKeys.join(", ")}`);
    return [];
  }
  const { tta, ...known } = value;
  // nnunet_serve's own example has it there by mistake.
  if (tta !== undefined) warnings.push(`${place}.tta has no effect; it belongs in default_args`);
  requireKnown(known, { known: entryKeys, place: `${place}.`, faults });
  const text = (key: string): string | null => {
    const found = value[key] ?? null;
    if (found === null || (typeof found === "string" && found !== "")) return found;
    faults.push(`${place}.${key} must be a text`);
    return null;
  };
  const [id, relPath, name] = [text("id"), text("rel_path"), text("name")];
  const source = sourceOf(value, place, findings);
  const places = placeKeys.filter((key) => (value[key] ?? null) !== null);
  if ((value["id"] ?? null) === null) faults.push(`${place}.id is missing`);
  if (places.length === 0) faults.push(`${place} needs one of ${placeKeys.join(", ")}`);
  if (places.length > 1) faults.push(`${place} may have only one of ${places.join(" and ")}`);
  const aliases = value["aliases"] ?? [];
  const areTexts = Array.isArray(aliases) && aliases.every((alias) => typeof alias === "string");
  if (!areTexts) faults.push(`${place}.aliases must be a list of texts`);
  const minMemory = value["min_mem"] ?? usualMinMemoryMib;
  if (typeof minMemory !== "number" || minMemory < 0) faults.push(`${place}.min_mem must be a number of MiB`);
  const args = value["default_args"] ?? {};
  if (!isMapping(args)) faults.push(`${place}.default_args must be a mapping`);
  else faults.push(...argFaults(args, `${place}.default_args`));
  if (id === null) return [];
  return [
    {
      id,
      relPath,
      source,
      name: name ?? (source?.kind === "totalsegmentator" ? `totalseg_${source.task}` : id),
      aliases: areTexts ? (aliases as readonly string[]) : [],
      metadata: value["metadata"] ?? null,
      minMemoryMib: Number(minMemory),
      defaultArgs: isMapping(args) ? args : {},
    },
  ];
}

/** Returns where a model comes from that is not a folder of nnU-Net; null for a folder. */
function sourceOf(value: Mapping, place: string, { faults, faultsOfNvidia }: Findings): ModelSource | null {
  const { totalseg_task: task = null, bundle = null, nvidia = null } = value;
  const isText = (found: unknown): found is string => typeof found === "string" && found !== "";
  if (task !== null) {
    if (isText(task)) return { kind: "totalsegmentator", task };
    faults.push(`${place}.totalseg_task must be a text`);
  } else if (bundle !== null) {
    if (isText(bundle)) return { kind: "bundle", path: bundle };
    faults.push(`${place}.bundle must be the path of a bundle`);
  } else if (nvidia !== null) {
    const { path, ...options } = isMapping(nvidia) ? nvidia : { path: nvidia };
    faults.push(...faultsOfNvidia(options).map((fault) => `${place}.nvidia.${fault}`));
    if (isText(path)) return { kind: "nvidia", path, options };
    faults.push(`${place}.nvidia must be the path of a checkpoint or its folder, or a mapping with path`);
  }
  return null;
}

function argFaults(args: Mapping, place: string): readonly string[] {
  return faultsOfValue(defaultArgs.schema(new Map()), args).map(({ loc, msg }) => {
    const key = String(loc.at(-1));
    const near =
      Object.hasOwn(args, key) && !defaultArgKeys.includes(key) ? nearest(key, defaultArgKeys) : null;
    return `${place}.${loc.join(".")} ${msg}${near === null ? "" : `; did you mean ${near}?`}`;
  });
}

function requireKnown(
  value: Mapping,
  {
    known,
    place,
    faults,
  }: { readonly known: readonly string[]; readonly place: string; readonly faults: string[] },
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    faults.push(`${place}${key} is not a known key${near === null ? "" : `; did you mean ${near}?`}`);
  }
}

/** Each id, name and alias must mean one model. */
function requireUnique(models: readonly SpecEntry[], faults: string[]): void {
  const owners = new Map<string, string>();
  for (const { id, name, aliases } of models)
    for (const word of new Set([id, name, ...aliases])) {
      const owner = owners.get(word);
      if (owner !== undefined) faults.push(`${word} names two models: ${owner} and ${id}`);
      owners.set(word, id);
    }
}

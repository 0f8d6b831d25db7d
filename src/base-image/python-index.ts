import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { homeFolder } from "../../processor/contract/home-folder.js";
import { listOf, orAbsent, record, recordOf, text } from "../../processor/contract/json-check.js";
import { checkedOrNull } from "../../processor/contract/parse-checked.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { readTextFileSync, unreadable } from "../../processor/files/read-text-file.js";
import type { HttpClient } from "../download/http-client.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { WheelPin } from "./recipe-json.js";

const simpleJson = "application/vnd.pypi.simple.v1+json";

/** An index's page of one project, by PEP 691. */
const projectPage = record({
  files: listOf(record({ filename: text, url: text, hashes: orAbsent(recordOf(text)) })),
});

/**
 * Finds the address of a wheel in an index of Python packages (PEP 503 with PEP 691's JSON).
 *
 * @param index address of the index, as pip's `--index-url`
 * @throws SOURCE_NOT_FOUND if the index does not have the file; SOURCE_CHANGED if its digest is not the
 * pinned one; DOWNLOAD_FAILED
 */
export async function findWheel(index: URL, wheel: WheelPin, http: HttpClient): Promise<URL> {
  const page = new URL(`${wheel.name}/`, withSlash(index));
  const label = `${wheel.name} in ${index.host}`;
  const answer = checkedOrNull(await http.json(page, label, simpleJson), projectPage);
  if (answer === null)
    throw builderError("DOWNLOAD_FAILED", `${label}: the index answers with something else than PEP 691`);
  const found = answer.files.find(({ filename }) => filename === wheel.file);
  if (found === undefined) throw builderError("SOURCE_NOT_FOUND", `${label}: the index has no ${wheel.file}`);
  const sha256 = found.hashes?.["sha256"];
  if (sha256 !== undefined && sha256 !== wheel.sha256)
    throw builderError(
      "SOURCE_CHANGED",
      `${wheel.file}: the index has sha256 ${sha256}, the recipe ${wheel.sha256}`,
    );
  return new URL(found.url, page);
}

/**
 * Returns the index that pip would use: `PIP_INDEX_URL`, or `index-url` in pip's configuration file of the
 * user or the machine. Returns null if neither is set.
 *
 * @throws USAGE if it is not an address
 */
export function pythonIndex(environment: Readonly<Record<string, string | undefined>>): URL | null {
  const text = environment["PIP_INDEX_URL"] || configuredIndex(environment);
  if (text === null) return null;
  if (!URL.canParse(text)) throw sharedError("USAGE", `pip's index is ${text}, not an address`);
  return new URL(text);
}

/** Finds the index when a wheel must be downloaded; null if none is known. */
export type FindIndex = () => Promise<URL | null>;

/**
 * Returns a function that finds the index that pip is set to use, or else the one that pip uses by default. It asks pip
 * only once, and only when the index is needed.
 */
export function indexFinder(
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): FindIndex {
  let found: Promise<URL | null> | null = null;
  return () => {
    found ??= (async () => {
      const named = pythonIndex(environment);
      const isForbidden = /^(?:1|true|yes|on)$/i.test(environment["PIP_NO_INDEX"] ?? "");
      return named ?? (isForbidden ? null : await defaultIndex(environment, signal));
    })();
    return found;
  };
}

const pipCommands = [
  ["python3", "-m", "pip"],
  ["pip3"],
  ["pip"],
  ["python", "-m", "pip"],
] as const satisfies readonly (readonly string[])[];

const execute = promisify(execFile);

/** Returns the default that pip states in its help; null without pip. */
async function defaultIndex(
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<URL | null> {
  for (const [program, ...args] of pipCommands) {
    const env = { ...environment, COLUMNS: "200", NO_COLOR: "1" };
    const help = await execute(program, [...args, "install", "--help"], { env, signal }).catch(() => null);
    signal.throwIfAborted();
    const index = help === null ? null : defaultIn(help.stdout);
    if (index !== null) return index;
  }
  return null;
}

/** Reads the default of `--index-url` from the help of `pip install`. */
export function defaultIn(help: string): URL | null {
  const [, address] = /--index-url[\s\S]*?\(default\s+([^\s)]+)\)/.exec(help) ?? [];
  return address !== undefined && URL.canParse(address) ? new URL(address) : null;
}

function configuredIndex(environment: Readonly<Record<string, string | undefined>>): string | null {
  const home = environment["HOME"] || (homeFolder() ?? "/");
  const configFolder = environment["XDG_CONFIG_HOME"] ?? join(home, ".config");
  const named = environment["PIP_CONFIG_FILE"];
  const files = [
    ...(named === undefined ? [] : [named]),
    ...[join(configFolder, "pip", "pip.conf"), join(home, ".pip", "pip.conf"), "/etc/pip.conf"],
  ];
  for (const file of files) {
    if (!existsSync(file)) continue;
    const found = indexIn(settingsOf(file));
    if (found !== null) return found;
  }
  return null;
}

/** A configuration of pip has only a few lines. */
const maxSettingsBytes = 1 << 20;

function settingsOf(file: string): string {
  try {
    return readTextFileSync(file, maxSettingsBytes);
  } catch (cause) {
    throw sharedError("USAGE", `pip's configuration ${file}: ${unreadable(cause)}`, { cause });
  }
}

/** A value may start on the next line, as in Python's configparser. */
function indexIn(settings: string): string | null {
  const lines = settings.split("\n");
  for (const [i, line] of lines.entries()) {
    const [, value] = /^\s*index[-_]url\s*[=:](.*)$/.exec(line.trimEnd()) ?? [];
    if (value === undefined) continue;
    const [word] = /\S+/.exec(value || (lines[i + 1] ?? "")) ?? [];
    if (word !== undefined) return word;
  }
  return null;
}

function withSlash(index: URL): URL {
  return index.pathname.endsWith("/") ? index : new URL(`${index.href}/`);
}

import { parseYaml } from "../../../processor/files/parse-yaml.js";
import { readTextFile, unreadable } from "../../../processor/files/read-text-file.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { inMessages, shortText } from "../../ground/untrusted/short-text.js";
import { Field } from "../fields.js";

/** Configurations have a few kilobytes. */
const maxBytes = 1 << 20;

/**
 * Reads a bundle's configuration as data. `@id` and `%id` take the value of another key; of the expressions (`$…`), only
 * literals and references are read, and nothing is run.
 *
 * @throws MODEL_FILE_INVALID for a file that is too long or not JSON or YAML, or whose references have no end
 */
export async function readBundleConfig(file: string): Promise<BundleConfig> {
  const text = await readTextFile(file, maxBytes).catch((cause: unknown) => {
    throw builderError("MODEL_FILE_INVALID", `${file}: ${unreadable(cause)}`, { cause });
  });
  return new BundleConfig(file, parsed(text, file));
}

/** @throws MODEL_FILE_INVALID */
export function parsed(text: string, file: string): unknown {
  try {
    if (file.endsWith(".json")) return JSON.parse(text);
    const { value, faults } = parseYaml(text, { maxAliases: 0, hasUniqueKeys: false });
    if (faults.length > 0) throw new Error(faults.join("; "));
    return value;
  } catch (cause) {
    throw builderError("MODEL_FILE_INVALID", `${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

export class BundleConfig {
  readonly file: string;
  readonly #root: unknown;

  constructor(file: string, root: unknown) {
    this.file = file;
    this.#root = root;
  }

  /** Returns the value of the first key that the file has, with all references in it replaced; a null field without one. */
  get(...ids: readonly string[]): Field {
    const id = ids.find((name) => this.#find(name) !== undefined) ?? ids[0]!;
    const resolver: Resolver = { left: maxValues, find: (name) => this.#find(name), file: this.file };
    return new Field(resolved(this.#find(id), resolver, 0), `${this.file}: ${id}`);
  }

  /** Finds `network_def`, `evaluator#inferer` or `preprocessing::transforms::0`. */
  #find(id: string): unknown {
    return id.split(/#|::/).reduce((value: unknown, key) => {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
      return (value as Readonly<Record<string, unknown>>)[key];
    }, this.#root);
  }
}

interface Resolver {
  /** The number of values that may still be read, because a short file can repeat one value very often. */
  left: number;
  readonly find: (id: string) => unknown;
  readonly file: string;
}

const maxValues = 100_000;
const maxDepth = 50;

function resolved(value: unknown, resolver: Resolver, depth: number): unknown {
  resolver.left--;
  if (resolver.left < 0 || depth > maxDepth)
    throw builderError(
      "MODEL_FILE_INVALID",
      `${resolver.file}: its references never end, or are nested too deeply`,
    );
  if (Array.isArray(value)) return value.map((item) => resolved(item, resolver, depth + 1));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, resolved(item, resolver, depth + 1)]),
    );
  if (typeof value !== "string") return value;
  const id = reference.exec(value)?.[1];
  if (id !== undefined) return resolved(resolver.find(id), resolver, depth + 1);
  return value.startsWith("$") ? literal(value) : value;
}

/** `@id`, `%id`, `$@id`, and `$@network_def.to(@device)`, which only moves a network. */
const reference = /^(?:@|%|\$@)([\w#:]{1,200}?)(?:\.to\(@device\))?$/;

/** An expression that is not read. */
class Expression {
  readonly [inMessages]: string;

  constructor(text: string) {
    this[inMessages] = `the expression ${shortText(text)}, which is not run`;
  }
}

const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["None", null],
  ["True", true],
  ["False", false],
]);

/** Reads `$None`, `$True`, `$1.5`, `$[96, 96, 96]` and `$(1.5, 1.5, 2.0)`, and keeps other expressions as text. */
function literal(expression: string): unknown {
  const text = expression.slice(1).trim();
  if (words.has(text)) return words.get(text);
  const list = /^[[(]([-+\d.eE,\s]{0,500})[\])]$/.exec(text)?.[1];
  const numbers = (list ?? text)
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (numbers.length > 0 && numbers.every((part) => /^[-+]?\d[\d.]*(?:e[-+]?\d+)?$/i.test(part)))
    return list === undefined ? Number(numbers[0]) : numbers.map(Number);
  return new Expression(expression);
}

import { parseDocument } from "yaml";

export interface YamlContent {
  /** Null if there are faults. */
  readonly value: unknown;
  /** What is wrong, each in one line. */
  readonly faults: readonly string[];
}

export interface YamlRules {
  /** The most values that aliases may repeat, because they can make a short file very large. */
  readonly maxAliases: number;
  /** False to let the last of equal keys count, as Python does. Comparing all keys takes quadratic time. */
  readonly hasUniqueKeys: boolean;
}

/** Parses a document of YAML that may be hostile. Tags that YAML does not know are faults, too. */
export function parseYaml(text: string, { maxAliases, hasUniqueKeys }: YamlRules): YamlContent {
  if (isNestedTooDeeply(text))
    return { value: null, faults: [`it is nested more than ${deepestNesting} levels deep`] };
  const document = parseDocument(text, { uniqueKeys: hasUniqueKeys });
  const faults = [...document.errors, ...document.warnings].map(({ message }) => message.split("\n")[0]!);
  if (faults.length > 0) return { value: null, faults };
  try {
    const value: unknown = document.toJS({ maxAliasCount: maxAliases });
    // An alias in its own anchor makes a value that contains itself, which this refuses.
    JSON.stringify(value);
    return { value, faults };
  } catch (error) {
    return { value: null, faults: [(error as Error).message.split("\n")[0]!] };
  }
}

const deepestNesting = 200;
const deepestColumn = 2 * deepestNesting;

/**
 * Returns whether brackets, or the columns in which blocks begin, are nested very deeply. The parser recurses for each level,
 * and Node ends without an error that can be caught if the stack is full while it compiles a regular expression.
 */
function isNestedTooDeeply(text: string): boolean {
  let depth = 0;
  let column = 0;
  let isBeforeBlock = true;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1);
    column++;
    if (character === "\n") {
      column = 0;
      isBeforeBlock = true;
    } else if (!" \t-?:".includes(character)) isBeforeBlock = false;
    if (depth > deepestNesting || (isBeforeBlock && column > deepestColumn)) return true;
  }
  return false;
}

import { ProcessorError } from "../../../processor/errors.js";

/**
 * `{1: 500.0, (1, 2): 30}` as Python prints it: numbers by label, or by labels joined with a comma; `None` is null.
 *
 * @param place for messages
 * @example parsePythonDict("{(1, 2): 30}", "") // Map { "1,2" => 30 }
 */
export function parsePythonDict(text: string, place: string): ReadonlyMap<string, number> | null {
  const trimmed = text.trim();
  if (trimmed === "None") return null;
  const found = new Map<string, number>();
  const body = /^\{(.*)\}$/s.exec(trimmed)?.[1];
  if (body === undefined) throw damaged(text, place);
  let rest = body.trim();
  while (rest !== "") {
    const match = entry.exec(rest);
    if (match === null) throw damaged(text, place);
    const labels = (match[1] ?? match[2]!).split(",").map((label) => label.trim());
    found.set(labels.filter((label) => label !== "").join(","), Number(match[3]));
    rest = rest.slice(match[0].length).trim();
  }
  return found;
}

/** `(1, 2): 30,` or `1: 500.0` */
const entry = /^(?:\((\s*\d+(?:\s*,\s*\d+)*\s*,?\s*)\)|(\d+))\s*:\s*(\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s*(?:,|$)/;

const damaged = (text: string, place: string) =>
  new ProcessorError(
    "MODEL_FILE_INVALID",
    `${place} should be a Python dictionary, but is ${text.slice(0, 80)}`,
  );

import { readTextFile } from "../../../processor/files/read-text-file.js";
import { whyUnreadable } from "../../../processor/files/why-unreadable.js";
import { type JsonObject, type JsonOf, parseJson, parseJsonWith } from "../../checkpoint/parse-json.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { PythonFloat, type PythonJson } from "../python-json.js";

/** dataset.json of a large data set lists every case, and has a few MB. */
export const largestJsonBytes = 128 * 2 ** 20;

/**
 * Reads a JSON file of nnU-Net, whose keys keep their order.
 *
 * @returns null if the file does not exist
 * @throws DATASET_INVALID if it cannot be read, or is not a JSON object
 */
export const readJsonObject = (path: string): Promise<JsonObject | null> => readObject(path, parseJson);

/** Does the same, and keeps apart what is an int and what a float in Python, for a file that is written again. */
export const readPythonJsonObject = (path: string): Promise<ReadonlyMap<string, PythonJson> | null> =>
  readObject(path, (text) => parseJsonWith<number | bigint | PythonFloat>(text, pythonNumber));

/** An int of Python has any size. */
function pythonNumber(token: string): number | bigint | PythonFloat {
  if (/[.eEN]|Inf/.test(token)) return new PythonFloat(Number(token));
  return Number.isSafeInteger(Number(token)) ? Number(token) : BigInt(token);
}

async function readObject<T>(
  path: string,
  parse: (text: string) => JsonOf<T>,
): Promise<ReadonlyMap<string, JsonOf<T>> | null> {
  let text: string;
  try {
    text = await readTextFile(path, largestJsonBytes);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return null;
    throw nnunetError("DATASET_INVALID", `${path}${await whyUnreadable(path, cause)}`, { cause });
  }
  try {
    const value = parse(text);
    if (value instanceof Map) return value;
  } catch (cause) {
    throw nnunetError("DATASET_INVALID", `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  throw nnunetError("DATASET_INVALID", `${path} should hold a JSON object`);
}

import { readTextFile, unreadable } from "../../../processor/files/read-text-file.js";
import { type JsonObject, parseJson } from "../../checkpoint/parse-json.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";

/** dataset.json of a large data set lists every case, and has a few MB. */
export const largestJsonBytes = 128 * 2 ** 20;

/**
 * Reads a JSON file of nnU-Net, whose keys keep their order.
 *
 * @returns null if the file does not exist
 * @throws DATASET_INVALID if it cannot be read, or is not a JSON object
 */
export async function readJsonObject(path: string): Promise<JsonObject | null> {
  let text: string;
  try {
    text = await readTextFile(path, largestJsonBytes);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return null;
    throw nnunetError("DATASET_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  }
  try {
    const value = parseJson(text);
    if (value instanceof Map) return value;
  } catch (cause) {
    throw nnunetError("DATASET_INVALID", `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  throw nnunetError("DATASET_INVALID", `${path} should hold a JSON object`);
}

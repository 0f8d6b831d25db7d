import { readFile, stat } from "node:fs/promises";
import { ProcessorError } from "../../processor/errors.js";
import { Field } from "./fields.js";

/** Reads a JSON file of nnU-Net. Python's NaN and Infinity, which JSON does not know, become null. */
export async function readJsonFile(file: string): Promise<Field> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > maxBytes) throw new Error(`it has ${size} bytes, more than the ${maxBytes} that it may have`);
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new ProcessorError("MODEL_FILE_INVALID", `${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  try {
    return new Field(JSON.parse(text.replace(stringOrNotANumber, nullUnlessString)), file);
  } catch (cause) {
    throw new ProcessorError("MODEL_FILE_INVALID", `${file} is no JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** nnU-Net's are below 1 MB; those of large data sets, which list every case, some MB. */
const maxBytes = 128 * 2 ** 20;

const stringOrNotANumber = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

const nullUnlessString = (token: string): string => (token.startsWith('"') ? token : "null");

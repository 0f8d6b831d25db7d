import { readFile, stat } from "node:fs/promises";
import { ProcessorError } from "../../processor/errors.js";
import { Field } from "./fields.js";
import { parseJson } from "./parse-json.js";

/** Reads a JSON file of nnU-Net and keeps the order of its keys. Python's NaN and Infinity become null. */
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
    return new Field(parseJson(text), file);
  } catch (cause) {
    throw new ProcessorError("MODEL_FILE_INVALID", `${file} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** nnU-Net's are below 1 MB; those of large data sets, which list every case, some MB. */
const maxBytes = 128 * 2 ** 20;

import { readTextFile } from "../../processor/files/read-text-file.js";
import { whyNotFound } from "../../processor/files/why-unreadable.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { Field } from "./fields.js";
import { parseJson } from "./parse-json.js";

/** Reads a JSON file of nnU-Net and keeps the order of its keys. Python's NaN and Infinity become null. */
export async function readJsonFile(file: string): Promise<Field> {
  let text: string;
  try {
    text = await readTextFile(file, maxBytes);
  } catch (cause) {
    throw builderError("MODEL_FILE_INVALID", `${file}${await whyNotFound(file, cause)}`, { cause });
  }
  try {
    return new Field(parseJson(text), file);
  } catch (cause) {
    throw builderError("MODEL_FILE_INVALID", `${file} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** nnU-Net's own files are below 1 MB. Files of large data sets, which list every case, have a few MB. */
const maxBytes = 128 * 2 ** 20;
